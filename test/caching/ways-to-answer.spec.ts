import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { MemcachedServer, NginxServer, pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { patient, patiently, patientStore } from '../support/patience.js';
import { PagesController } from '../support/pages.controller.js';

expect.extend(pageCacheMatchers);

const WAYS = ['/value', '/render', '/res', '/passthrough', '/streamable', '/buffer', '/chunked'];
const SIZES = [0, 1, 100, 1000, 16_384, 70_000, 900_000].map((bytes) => `/size/${bytes}`);

describe.each(PLATFORMS)('every way to answer on %s, behind nginx', (platform) => {
  let memcached: MemcachedServer;
  let nginx: NginxServer;
  let app: INestApplication;
  let url: string;
  let log: PageLog;

  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    const options: NginxCacheOptions = { store: patientStore(memcached.address) };
    const application = await startApplication({
      isPatient: true,
      platform,
      options,
      controllers: [PagesController],
      providers: [PageLog],
    });
    app = application.app;
    url = application.url;
    log = app.get(PageLog);
    nginx = await NginxServer.start(({ port, directory }) => {
      const conf = nginxConf({ ...options, hosts: 'any' }, { app: application.address, listen: port, directory });
      return { ...conf, full: patient(conf.full) };
    });
  });
  afterAll(async () => {
    await app?.close();
    await nginx?.stop();
    await memcached?.stop();
  });

  const get = async (target: string, encoding: string) => {
    const ask = () => fetch(nginx.url + target, { headers: { 'accept-encoding': encoding } });
    const response = await patiently(ask, ({ headers }) => headers.get('cache-status') ?? '');
    return { response, body: Buffer.from(await response.arrayBuffer()) };
  };

  it.each(['gzip', 'identity'].flatMap((encoding) => [...WAYS, ...SIZES].map((way) => [way, encoding] as const)))(
    'gives %s from nginx the second time, with Accept-Encoding: %s',
    async (way, encoding) => {
      await memcached.flush();
      log.forget();
      PagesController.calls.clear();
      const direct = Buffer.from(
        await (await fetch(`${url}${way}`, { headers: { 'x-page-cache-key': 'bypass' } })).arrayBuffer(),
      );
      PagesController.calls.clear();
      const first = await get(way, encoding);
      const outcome = await log.outcome(way);
      const second = await get(way, encoding);
      expect(first.response.status).toBe(200);
      expect(first.body.equals(direct)).toBe(true);
      expect(second.body.equals(first.body)).toBe(true);
      expect(second.response.headers.get('content-type')).toBe(first.response.headers.get('content-type'));
      if (way === '/size/0') {
        expect(outcome).toBe('empty');
        expect(PagesController.calls.get(way)).toBe(2);
        return;
      }
      expect(outcome).toBe('stored');
      expect(PagesController.calls.get(way)).toBe(1);
      expect(first.response.headers.get('cache-status')).toBe('nestjs-nginx-cache; fwd=miss; stored');
      expect(second.response.headers.get('cache-status')).toBe('nginx; hit');
    },
  );

  it('logs nothing in nginx', async () => {
    expect(nginx.testOutput).not.toMatch(/warn|emerg/);
    expect(nginx.errorLog()).toBe('');
  });
});
