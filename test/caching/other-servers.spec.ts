import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BadRequestException, Controller, Get, Header, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import session from 'express-session';
import { describe, expect, it } from 'vitest';
import { PageCacheInterceptor, PageCacheService } from '../../lib/index.js';
import { Renderings } from '../../lib/caching/renderings.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class OneController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return 'page '.repeat(1000);
  }

  @Post('page')
  change(@Query('valid') valid?: string) {
    if (valid === 'no') throw new BadRequestException();
    return 'changed';
  }

  @Get('later')
  @Header('content-type', 'text/html; charset=utf-8')
  later() {
    return 'page '.repeat(1000);
  }

  @Post('later')
  changeLater(@Res() response: ServerResponse) {
    setImmediate(() => response.end('changed'));
  }

  @Get('twice')
  @UseInterceptors(PageCacheInterceptor)
  @Header('content-type', 'text/html; charset=utf-8')
  twice() {
    return 'x';
  }
}

describe('an Express application behind a server that is not its own', () => {
  it('keeps what middleware has wrapped around the response, and is not cached', async () => {
    const ended: unknown[] = [];
    const { app } = await startApplication({
      platform: 'express',
      controllers: [OneController],
      prepare: (created) => {
        created.use(compression({ threshold: 0 }));
        created.use(session({ secret: 'x', resave: false, saveUninitialized: true }) as never);
        created.use((_: IncomingMessage, response: ServerResponse, next: () => void) => {
          const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
          response.end = (...args: unknown[]) => {
            ended.push(args.length);
            return end(...args);
          };
          next();
        });
      },
    });
    const second = createServer(app.getHttpAdapter().getInstance() as () => void).listen(0, '127.0.0.1');
    await once(second, 'listening');
    const url = `http://127.0.0.1:${(second.address() as AddressInfo).port}`;
    for (let round = 0; round < 2; round += 1) {
      const response = await answer(`${url}/page`, { headers: { 'accept-encoding': 'gzip' } });
      expect(response).toBypassPageCache('not-observed');
      expect(response.headers.get('content-encoding')).toBe('gzip');
      expect(response.headers.get('set-cookie')).toMatch(/^connect.sid=/);
    }
    expect(ended).toHaveLength(2);
    expect(await app.get(PageCacheService).has('/page')).toBe(false);
    expect(app.get(Renderings).size).toBe(0);
    second.close();
    await app.close();
  });

  it('purges the page at the address of a successful unsafe request', async () => {
    const { app, url: own } = await startApplication({
      platform: 'express',
      options: { hosts: 'any' },
      controllers: [OneController],
      providers: [PageLog],
      prepare: (one) => void one.use(session({ secret: 'x', resave: false, saveUninitialized: false }) as never),
    });
    const pages = app.get(PageCacheService);
    for (const path of ['/page', '/later']) {
      await answer(own + path);
      expect(await app.get(PageLog).outcome(path)).toBe('stored');
    }
    const second = createServer(app.getHttpAdapter().getInstance() as () => void).listen(0, '127.0.0.1');
    await once(second, 'listening');
    const url = `http://127.0.0.1:${(second.address() as AddressInfo).port}`;

    expect((await fetch(`${url}/page?valid=no`, { method: 'POST' })).status).toBe(400);
    expect(await pages.has('/page')).toBe(true);
    const changed = await answer(`${url}/page`, { method: 'POST' });
    expect(changed).toBypassPageCache('not-observed');
    expect(changed.body.toString()).toBe('changed');
    expect(await pages.has('/page')).toBe(false);
    await answer(`${url}/later`, { method: 'POST' });
    await expect.poll(() => pages.has('/later')).toBe(false);
    second.close();
    await app.close();
  });

  it('is not cached where no middleware touches the response either: nobody sees what is read', async () => {
    const { app } = await startApplication({ platform: 'express', controllers: [OneController], providers: [PageLog] });
    const second = createServer(app.getHttpAdapter().getInstance() as () => void).listen(0, '127.0.0.1');
    await once(second, 'listening');
    const url = `http://127.0.0.1:${(second.address() as AddressInfo).port}`;
    for (let round = 0; round < 2; round += 1) {
      expect(await answer(`${url}/page`)).toBypassPageCache('not-observed');
    }
    second.close();
    await app.close();
  });
});

describe('inject() of Fastify', () => {
  it('gets what is stored, and stores nothing: nobody sees what is read', async () => {
    const { app, url } = await startApplication({
      platform: 'fastify',
      controllers: [OneController],
      providers: [PageLog],
    });
    const fastify = app as unknown as NestFastifyApplication;
    expect(await fastify.inject('/page')).toBypassPageCache('not-observed');
    const over = await answer(`${url}/page`);
    expect(await app.get(PageLog).outcome('/page')).toBe('stored');
    const injected = await fastify.inject('/page');
    expect(injected).toBePageCacheHit();
    expect(injected.body).toBe(over.body.toString());
    await app.close();
  });
});

describe.each(['express', 'fastify'] as const)('the interceptor twice on %s', (platform) => {
  it('works as if there were one', async () => {
    const { app, url } = await startApplication({ platform, controllers: [OneController], providers: [PageLog] });
    const log = app.get(PageLog);
    expect((await answer(`${url}/twice`)).status).toBe('nestjs-nginx-cache; fwd=miss; stored');
    await log.outcome('/twice');
    expect(await answer(`${url}/twice`)).toBePageCacheHit();
    expect(log.events).toEqual(['/twice stored']);
    expect(app.get(Renderings).size).toBe(0);
    await app.close();
  });
});

describe('HTTP/2', () => {
  it('is stored once, whole', async () => {
    const { connect } = await import('node:http2');
    const { app, url } = await startApplication({
      platform: 'fastify',
      controllers: [OneController],
      providers: [PageLog],
      fastify: { http2: true } as never,
    });
    const client = connect(url);
    const get = async (fields: Record<string, string> = {}) => {
      const stream = client.request({ ':path': '/page', ...fields });
      const [headers] = (await once(stream, 'response')) as [Record<string, string>];
      let body = '';
      for await (const chunk of stream.setEncoding('utf8')) body += chunk as string;
      return { code: headers[':status'], tag: headers['etag'] ?? '', status: headers['cache-status'], body };
    };
    const first = await get();
    expect(await app.get(PageLog).outcome('/page')).toBe('stored');
    const second = await get();
    expect(first.status).toBe('nestjs-nginx-cache; fwd=miss; stored');
    expect(second).toEqual({ ...first, status: 'nestjs-nginx-cache; hit' });
    expect(first.tag).toMatch(/^W\/"/);
    expect(await get({ 'if-none-match': first.tag })).toMatchObject({ code: 304, status: second.status, body: '' });
    client.close();
    await app.close();
  });
});
