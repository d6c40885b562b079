import { connect } from 'node:net';
import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { All, Controller, Get, Header, type INestApplication, Injectable, Res, Sse } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { of } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memoryStore } from '../../lib/index.js';
import { Renderings } from '../../lib/caching/renderings.js';
import { parseCacheStatus } from '../../lib/http/cache-status-field.js';
import { pageCacheMatchers, RawClient } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { answer, type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

@Controller()
class PassingController {
  @Get('page')
  @Header('content-type', HTML)
  @Header('etag', '"v1"')
  page() {
    return '<h1>page</h1>';
  }

  @Sse('events')
  events() {
    return of({ data: 'one' }, { data: 'two' });
  }

  @Get('events-by-hand')
  eventsByHand(@Res() reply: ServerResponse) {
    raw(reply).writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: one\n\n');
  }

  @Get('pairs')
  pairs(@Res() reply: ServerResponse) {
    const pairs = [
      ['Content-Type', HTML],
      ['X-Request-Id', 'a'],
    ];
    raw(reply)
      .writeHead(200, pairs as never)
      .end('pairs');
  }

  @All('everything')
  @Header('content-type', HTML)
  everything() {
    return 'x';
  }
}

/** Stands for what a gateway or a microservice does with its handlers. */
@Injectable()
class MessageHandler {
  handle(message: string) {
    return `got ${message}`;
  }
}

describe.each(PLATFORMS)('what is no request for a page passes through on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({ platform, controllers: [PassingController], providers: [MessageHandler] });
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  it('HEAD', async () => {
    for (const ask of [site.get, site.direct]) {
      const head = await ask('/page', { method: 'HEAD' });
      expect(head.code).toBe(200);
      expect(head.headers.get('content-type')).toBe(HTML);
      expect(head.headers.get('content-length')).toBe('13');
      expect(head).toBypassPageCache('method');
    }
    expect(await site.memcached.keys()).toEqual([]);
  });

  it('HEAD of a stored page, which nginx answers', async () => {
    await site.get('/page');
    await site.log.outcome('/page');
    const head = await site.get('/page', { method: 'HEAD' });
    expect(head).toBePageCacheHit();
    expect(head.body.length).toBe(0);
  });

  it('Range, and conditions', async () => {
    expect(await site.direct('/page', { headers: { range: 'bytes=0-3' } })).toBypassPageCache('range');
    for (const field of ['if-none-match', 'if-match']) {
      const response = await site.direct('/page', { headers: { [field]: '"v2"' } });
      expect(response.status).toContain('detail=conditional');
    }
    expect(
      await site.direct('/page', { headers: { 'if-modified-since': new Date(0).toUTCString() } }),
    ).toBypassPageCache('conditional');
    expect(await site.memcached.keys()).toEqual([]);
  });

  it.runIf(platform === 'express')('If-None-Match still gives 304', async () => {
    await site.direct('/page');
    await site.log.outcome('/page');
    const client = new RawClient(Number(site.address.split(':')[1]));
    const { status } = await client.send('GET /page HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: "v1"\r\n\r\n');
    client.close();
    expect(status).toBe(304);
  });

  it('events, which reach the visitor as they are', async () => {
    for (const target of ['/events', '/events-by-hand']) {
      for (const ask of [site.get, site.direct]) {
        const response = await ask(target);
        expect(response.headers.get('content-type')).toContain('text/event-stream');
        expect(response.body.toString()).toMatch(/data: one\n/);
        expect(response).not.toBePageCacheHit();
        expect(response.status).toContain('detail=event-stream');
      }
    }
    expect(await site.memcached.keys()).toEqual([]);
  });

  it('an upgrade, with the bytes that follow it', async () => {
    const server = site.app.getHttpServer() as Server;
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    for (const port of [site.nginx.port, Number(site.address.split(':')[1])]) {
      const socket = connect(port, '127.0.0.1').setEncoding('latin1');
      socket.write('GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      let received = '';
      while (!received.includes('\r\n\r\n')) received += ((await once(socket, 'data')) as [string])[0];
      expect(received).toMatch(/^HTTP\/1.1 101 /);
      socket.write('hello');
      expect(await once(socket, 'data')).toEqual(['hello']);
      socket.destroy();
    }
    expect(site.app.get(Renderings).size).toBe(0);
  });

  it('messages of microservices and gateways', async () => {
    const handler = site.app.get(MessageHandler);
    const creator = site.app.get(ExternalContextCreator);
    for (const type of ['rpc', 'ws', 'graphql']) {
      const call = creator.create(
        handler,
        handler.handle as (message: unknown) => string,
        'handle',
        undefined,
        undefined,
        undefined,
        undefined,
        { interceptors: true, guards: true, filters: true },
        type,
      );
      const answered: unknown = await call('message');
      expect(answered).toBe('got message');
    }
  });

  it('what no handler answers, even under a name like a page', async () => {
    for (const ask of [site.get, site.direct]) {
      const response = await ask('/nowhere');
      expect(response.code).toBe(404);
      expect(response).toBypassPageCache('no-handler');
    }
    expect(await site.memcached.keys()).toEqual([]);
  });

  it('every method of a handler for all of them', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      expect(await site.get('/everything', { method })).toBypassPageCache('method');
    }
    expect(await site.memcached.keys()).toEqual([]);
    expect(await site.get('/everything')).toBePageCacheMiss();
    expect(await site.log.outcome('/everything')).toBe('stored');
  });

  it('a header in pairs, which Node takes although it does not say so', async () => {
    const response = await site.direct('/pairs');
    expect(response.headers.get('x-request-id')).toBe('a');
    expect(await site.log.outcome('/pairs')).toBe('stored');
  });

  it('every response says what happened, as RFC 9211 wants it', async () => {
    for (const [target, init] of [
      ['/page', {}],
      ['/page', { method: 'POST' }],
      ['/nowhere', {}],
      ['/events', {}],
      ['/page', { headers: { cookie: 'a=b' } }],
    ] as const) {
      for (const ask of [site.get, site.direct]) {
        const { status } = await ask(target, init);
        const [own] = parseCacheStatus(status).filter(({ cache }) => /^(nestjs-nginx-cache|nginx)$/.test(cache));
        expect(own?.parameters.has('hit') || own?.parameters.has('fwd')).toBe(true);
      }
    }
  });
});

describe.each(PLATFORMS)('with a store that keeps header fields on %s', (platform) => {
  it('a stream of events is not stored either, although it ends', async () => {
    const { app, url } = await startApplication({
      platform,
      controllers: [PassingController],
      options: { store: memoryStore() },
    });
    for (let round = 0; round < 2; round += 1) {
      const response = await answer(`${url}/events-by-hand`);
      expect(response.status).toBe('nestjs-nginx-cache; fwd=miss; detail=event-stream');
    }
    await (app as INestApplication).close();
  });
});
