import type { IncomingMessage } from 'node:http';
import { Controller, Get, Header, Req } from '@nestjs/common';
import { expect, it } from 'vitest';
import { nginxConf, type NginxCacheOptions, PageFragment, pageFragment } from '../../lib/index.js';
import { MemcachedServer, NginxServer, RawClient } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { patient, patientStore } from '../support/patience.js';

const HTML = 'text/html; charset=utf-8';

@Controller()
class NewsController {
  @Get('home')
  @Header('content-type', HTML)
  home() {
    return `<p>${pageFragment('news')}</p>`;
  }

  @PageFragment({ name: 'news', shared: true })
  @Header('content-type', HTML)
  news(@Req() { headers }: { headers: IncomingMessage['headers'] }) {
    return `${headers.host} for ${headers.cookie}`;
  }
}

// Anybody can name any host, and nginx passes such requests on: they must not fill the store.
it.each(PLATFORMS)('a shared fragment is stored for no host but those of the site: %s', async (platform) => {
  await using memcached = await MemcachedServer.start();
  const options: NginxCacheOptions = {
    hosts: ['a.example'],
    fragments: ['/home'],
    fragmentTimeout: 60_000,
    store: patientStore(memcached.address),
  };
  const { app, address } = await startApplication({
    platform,
    options,
    controllers: [NewsController],
    providers: [PageLog],
    isPatient: true,
  });
  const { http, server } = nginxConf(options, { app: address });
  await using nginx = await NginxServer.start(({ port }) => ({
    full: patient(`events {}
      http { access_log off; ${http}
        server { listen 127.0.0.1:${port}; ${server} } }`),
  }));
  for (const port of [nginx.port, Number(address.split(':')[1])]) {
    await using client = new RawClient(port);
    for (const host of ['b.example', 'a.example.b.example', '[::1]']) {
      const head = ['GET /home HTTP/1.1', `Host: ${host}`, 'Cookie: name=Eve', '\r\n'];
      expect((await client.send(head.join('\r\n'))).body.toString()).toBe(`<p>${host} for name=Eve</p>`);
    }
    const known = await client.send('GET /home HTTP/1.1\r\nHost: a.example:99\r\n\r\n');
    expect(known.body.toString()).toBe('<p>a.example for undefined</p>');
  }
  expect(await app.get(PageLog).outcome('/.page-fragment/shared/news')).toBe('stored');
  await app.close();
  expect((await memcached.keys()).filter((key) => key.includes('/.page-fragment/'))).toEqual([
    'page:a.example;ssi/.page-fragment/shared/news',
  ]);
});
