import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { Controller, Get, Header, HttpCode, type INestApplication, Post, Req, Res, type Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ClsModule, ClsService } from 'nestjs-cls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { memoryStore, NoPageCache, type NginxCacheOptions, PageCacheService, PurgePages } from '../../lib/index.js';
import { type ApplicationSetup, type Platform, PLATFORMS, startApplication } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';

/** What Express and Fastify make of a request. */
interface Framework {
  protocol: string;
  hostname: string;
  ip: string;
}

@Controller()
class LinksController {
  static status = 200;

  @Get('canonical')
  @Header('content-type', HTML)
  canonical(@Req() { protocol, hostname }: Framework) {
    return `<link rel="canonical" href="${protocol}://${hostname}/canonical">`;
  }

  @Get('forwarded')
  @Header('content-type', HTML)
  forwarded(@Req() request: IncomingMessage) {
    const { headers } = raw(request);
    return `${String(headers['x-forwarded-proto'])}://${String(headers['x-forwarded-host'])} ${headers.host}`;
  }

  /** As debug toolbars and lists of trusted addresses do. */
  @Get('toolbar')
  @Header('content-type', HTML)
  toolbar(@Req() request: IncomingMessage & Framework) {
    const { remoteAddress, encrypted } = raw(request as IncomingMessage).socket as TLSSocket;
    const isTrusted = [request.ip, remoteAddress].some((address) => /^(?:::ffff:)?127\.|^::1$/.test(address ?? ''));
    return `${isTrusted ? 'toolbar' : 'page'} ${encrypted ? 'over TLS' : 'in the clear'}`;
  }

  @Get('relative')
  @Header('content-type', HTML)
  relative() {
    return '<a href="/">home</a>';
  }

  @Get('away')
  away(@Req() { hostname }: Framework, @Res() reply: ServerResponse) {
    raw(reply).writeHead(200, { 'content-type': HTML, link: `<//${hostname}/a.css>` });
    raw(reply).end('x');
  }

  @Get('status')
  status(@Res() reply: ServerResponse) {
    raw(reply).writeHead(LinksController.status, { 'content-type': HTML, location: '/' });
    raw(reply).end('status');
  }
}

const INPUTS = [':remote-address', 'Host', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto'];

async function start(platform: Platform, options: NginxCacheOptions, more: Partial<ApplicationSetup> = {}) {
  const { app } = await startApplication({
    platform,
    controllers: [LinksController],
    // What its pages are made of is what is looked at here.
    options: { store: memoryStore(), requestFields: { ignore: INPUTS }, ...options },
    logger: false,
    ...more,
  });
  const pages = app.get(PageCacheService);
  return {
    pages,
    body: async (path: string) => (await pages.get(path))?.body.toString(),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

const TRUST: [name: string, setup: Partial<ApplicationSetup>, platform?: Platform][] = [
  ['no proxy is trusted', {}],
  [
    'express trusts its own machine',
    { prepare: (app: INestApplication) => void (app as NestExpressApplication).set('trust proxy', 'loopback') },
    'express',
  ],
  [
    'express trusts every proxy',
    { prepare: (app: INestApplication) => void (app as NestExpressApplication).set('trust proxy', true) },
    'express',
  ],
  ['fastify trusts its own machine', { fastify: { trustProxy: '127.0.0.1' } }, 'fastify'],
  ['fastify trusts every proxy', { fastify: { trustProxy: true } }, 'fastify'],
];

describe.each(PLATFORMS)('pages are published on %s', (platform) => {
  const trust = TRUST.filter(([, , only = platform]) => only === platform);

  it.each(trust)('for the origin of the site, to nobody, when %s', async (_, setup) => {
    await using site = await start(platform, { origin: 'https://example.com' }, setup);
    const { published } = await site.pages.publish('/canonical', '/forwarded', '/toolbar');
    expect(published).toEqual(['/canonical', '/forwarded', '/toolbar']);
    expect(await site.body('/canonical')).toContain('"https://example.com/canonical"');
    expect(await site.body('/forwarded')).toBe('https://example.com example.com');
    expect(await site.body('/toolbar')).toBe('page over TLS');
  });

  it('without a warning where middleware reads the connection, as express-session and morgan do', async () => {
    const warn = vi.spyOn(process, 'emitWarning');
    const read: unknown[] = [];
    const prepare = (app: INestApplication) =>
      void app.use((request: IncomingMessage, _: unknown, next: () => void) => {
        read.push((request.connection as TLSSocket).encrypted);
        next();
      });
    await using site = await start(platform, { origin: 'https://example.com' }, { prepare });
    expect((await site.pages.publish('/relative')).published).toEqual(['/relative']);
    expect(read).toEqual([true]);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it('for the first of the hosts and https, and each page for its own host', async () => {
    await using site = await start(platform, { hosts: ['a.example', 'b.example'] });
    await site.pages.publish('/canonical');
    expect(await site.body('/canonical')).toContain('"https://a.example/canonical"');
    const other = await start(platform, { hosts: ['a.example', 'b.example'], origin: 'http://b.example:8080' });
    await using _ = other;
    await other.pages.publish('/forwarded', '/toolbar');
    expect(await other.body('/forwarded')).toBe('http://a.example a.example');
    expect(await other.body('/toolbar')).toBe('page in the clear');
  });

  it('for a host that does not exist, when nobody says which one does; a page that shows it is not stored', async () => {
    await using site = await start(platform, {});
    const { published, skipped } = await site.pages.publish(
      '/canonical',
      '/forwarded',
      '/away',
      '/relative',
      '/toolbar',
    );
    expect(published).toEqual(['/relative', '/toolbar']);
    expect(skipped).toEqual(['/canonical', '/forwarded', '/away'].map((path) => ({ path, reason: 'host-in-page' })));
    expect(await site.body('/canonical')).toBeUndefined();
    expect(await site.body('/toolbar')).toBe('page over TLS');
  });

  it.each([404, 410, 301, 302, 307, 400, 401, 402, 403, 405, 451])(
    'and are gone when the answer is %i',
    async (status) => {
      await using site = await start(platform, {});
      LinksController.status = 200;
      await site.pages.publish('/status');
      LinksController.status = status;
      for (const method of ['refresh', 'publish'] as const) {
        LinksController.status = 200;
        await site.pages.publish('/status');
        LinksController.status = status;
        const report = await site.pages[method]('/status');
        expect(report).toMatchObject({ published: [], purged: ['/status'], skipped: [], failed: [] });
        expect(await site.pages.has('/status')).toBe(false);
      }
    },
  );

  it.each([408, 425, 429, 500, 502, 503, 504])('and stay as they were when the answer is %i', async (status) => {
    await using site = await start(platform, {});
    LinksController.status = 200;
    await site.pages.publish('/status');
    LinksController.status = status;
    for (const method of ['refresh', 'publish'] as const) {
      const report = await site.pages[method]('/status');
      expect(report).toMatchObject({ published: [], purged: [], skipped: [], failed: [{ path: '/status', status }] });
      expect(await site.body('/status')).toBe('status');
    }
  });
});

@Controller()
class DraftsController {
  constructor(
    private readonly pages: PageCacheService,
    private readonly cls: ClsService,
  ) {}

  @Get('posts')
  @Header('content-type', HTML)
  posts() {
    const user = this.cls.get<string | undefined>('user');
    return user === undefined ? 'Hello nobody' : `Hello ${user} SECRET-DRAFT`;
  }

  @Post('publish')
  @NoPageCache()
  @HttpCode(200)
  publish() {
    return this.asAdmin(() => this.pages.publish('/posts'));
  }

  @Post('refresh')
  @NoPageCache()
  @HttpCode(200)
  refresh() {
    return this.asAdmin(() => this.pages.refresh('/posts'));
  }

  @Post('decorated')
  @NoPageCache()
  @HttpCode(200)
  @PurgePages({ refresh: true }, '/posts')
  decorated() {
    this.cls.set('user', 'admin');
    return 'done';
  }

  private asAdmin<T>(run: () => T): T {
    this.cls.set('user', 'admin');
    return run();
  }
}

describe.each(PLATFORMS)('with nestjs-cls on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    const imports = [ClsModule.forRoot({ global: true, middleware: { mount: true } })];
    site = await startSite({ platform, controllers: [DraftsController] as Type[], imports });
  });
  afterAll(() => site?.stop());

  it.each(['publish', 'refresh', 'decorated'])('%s inside of a request renders as nobody', async (way) => {
    const pages = site.app.get(PageCacheService);
    await pages.publish('/posts');
    await site.direct(`/${way}`, { method: 'POST' });
    await expect.poll(async () => (await site.get('/posts')).status).toBe('nginx; hit');
    expect((await site.get('/posts')).body.toString()).toBe('Hello nobody');
  });
});
