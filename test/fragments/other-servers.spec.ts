import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Header, type INestApplication, Req, UseInterceptors } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import session from 'express-session';
import { expect, it } from 'vitest';
import { NoPageCache, PageCacheInterceptor, PageFragment, pageFragment } from '../../lib/index.js';
import { startApplication } from '../support/applications.js';
import { answer } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';
const LONG = 'x'.repeat(5000);

@Controller()
class GreetingController {
  @Get(['page', 'undeclared'])
  @Header('content-type', HTML)
  page() {
    return `<p>${pageFragment('greeting')}</p>${LONG}`;
  }

  @Get('twice')
  @UseInterceptors(PageCacheInterceptor)
  @Header('content-type', HTML)
  twice() {
    return this.page();
  }

  @Get('uncached')
  @NoPageCache()
  @Header('content-type', HTML)
  uncached() {
    return this.page();
  }

  @Get('json')
  json() {
    return { html: this.page() };
  }

  @PageFragment('greeting')
  @Header('content-type', HTML)
  greeting(@Req() { headers }: { headers: IncomingMessage['headers'] }) {
    return `Hello ${headers.cookie}`;
  }
}

const OPTIONS = { hosts: 'any' as const, fragments: ['/page'], fragmentTimeout: 60_000 };
const PAGES = ['/page', '/page', '/undeclared', '/twice', '/uncached'];
const PAGE = `<p>Hello name=Eve</p>${LONG}`;

// As in https://docs.nestjs.com/faq/multiple-servers, and in serverless functions.
it.each([
  ['', () => {}],
  [
    ', below compression and sessions',
    (app: INestApplication) => {
      app.use(compression({ threshold: 0 }));
      app.use(session({ secret: 'x', resave: false, saveUninitialized: true }) as never);
    },
  ],
])('fragments are filled in behind a server that is not the own one of Express%s', async (_, prepare) => {
  const { app } = await startApplication({
    platform: 'express',
    options: OPTIONS,
    controllers: [GreetingController],
    prepare,
  });
  const second = createServer(app.getHttpAdapter().getInstance() as () => void).listen(0, '127.0.0.1');
  await once(second, 'listening');
  const url = `http://127.0.0.1:${(second.address() as AddressInfo).port}`;
  const headers = { cookie: 'name=Eve', 'accept-encoding': 'gzip' };
  for (const target of PAGES) {
    const { body, headers: fields } = await answer(url + target, { headers });
    expect([target, body.toString()]).toEqual([target, PAGE]);
    expect([target, fields.get('cache-control')]).toEqual([target, 'private, no-cache']);
    expect([target, fields.get('etag')]).toEqual([target, null]);
  }
  expect((await answer(`${url}/json`, { headers })).body.toString()).not.toContain('page-fragment.');
  second.close();
  await app.close();
});

it('fragments are filled in for inject() of Fastify', async () => {
  const { app } = await startApplication({ platform: 'fastify', options: OPTIONS, controllers: [GreetingController] });
  const fastify = app as unknown as NestFastifyApplication;
  for (const url of PAGES) {
    const { body, headers } = await fastify.inject({ url, headers: { cookie: 'name=Eve' } });
    expect([url, body]).toEqual([url, PAGE]);
    expect([url, headers['cache-control']]).toEqual([url, 'private, no-cache']);
  }
  await app.close();
});
