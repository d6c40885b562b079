import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { FragmentPagesController } from '../support/fragment-pages.controller.js';
import { PageLog } from '../support/page-log.js';
import { patient, patientStore } from '../support/patience.js';

/** Of several processes, some are just being restarted: they refuse connections, or break them off. */
it('a fragment comes from another process, as a page does', async () => {
  await using memcached = await MemcachedServer.start();
  const options: NginxCacheOptions = {
    store: patientStore(memcached.address),
    hosts: 'any',
    fragments: ['/with/*'],
    fragmentTimeout: 60_000,
    anonymousOnly: { sessionCookies: ['session'] },
  };
  const { app, address } = await startApplication({
    platform: 'express',
    options,
    controllers: [FragmentPagesController],
    providers: [PageLog],
    isPatient: true,
  });
  const breaking = createServer((connection) => connection.once('data', () => connection.destroy()));
  breaking.listen(0, '127.0.0.1');
  await once(breaking, 'listening');
  const { port: broken } = breaking.address() as AddressInfo;
  await using nginx = await NginxServer.start(({ port, directory }) => {
    const processes = [`unix:${directory}/nobody.sock`, `127.0.0.1:${broken}`, address];
    const { full } = nginxConf(options, { app: processes, listen: port, directory });
    // nginx asks all of them in turn, however often they fail, and however slow this machine is.
    const always = full.replace(/(server (?:unix|127).*);/g, '$1 max_fails=0;');
    return { full: patient(always).replace('_timeout 500ms;', '_timeout 60s;') };
  });
  const ask = async (name: string) => {
    const response = await fetch(`${nginx.url}/with/home`, { headers: { cookie: `name=${name}` } });
    return { how: response.headers.get('cache-status'), body: await response.text() };
  };
  await ask('Eve');
  expect(await app.get(PageLog).outcome('/with/home')).toBe('stored');
  for (let index = 0; index < 6; index += 1) {
    const { how, body } = await ask(`visitor-${index}`);
    expect([how, body]).toEqual(['nginx; hit', expect.stringContaining(`<b>visitor-${index}</b>`)]);
  }
  breaking.close();
  await app.close();
});
