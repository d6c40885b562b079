import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CanActivate,
  Controller,
  Get,
  Header,
  type INestApplication,
  Injectable,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_LISTENERS,
  type NginxCacheOptions,
  OnPageCache,
  PageCache,
  PageRequested,
  RequestArrived,
  VisitorListener,
} from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { type Platform, PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { RoutedHits } from '../support/routed-hits.js';
import { answer } from '../support/site.js';

expect.extend(pageCacheMatchers);

const LONG = '<p>A page that is worth packing.</p>'.repeat(100);

@Controller()
class PagesController {
  @Get(['page', 'admin/page'])
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return LONG;
  }
}

@Controller()
class ChoosyController {
  @Get('choosy')
  @PageCache({ skipIf: () => false })
  choosy() {
    return LONG;
  }
}

/** Declared harmless: with it, pages are stored. */
@Injectable()
class CountingGuard implements CanActivate {
  static asked = 0;

  canActivate(): boolean {
    CountingGuard.asked += 1;
    return true;
  }
}

interface Seen {
  readonly app: INestApplication;
  readonly get: (path: string, headers?: Record<string, string>) => ReturnType<typeof answer>;
  /** What middleware has seen. */
  readonly middleware: string[];
}

async function using(
  platform: Platform,
  options: NginxCacheOptions,
  providers: readonly Type[],
  controllers: readonly Type[],
  run: (seen: Seen) => Promise<void>,
): Promise<void> {
  const middleware: string[] = [];
  CountingGuard.asked = 0;
  const { app, url } = await startApplication({
    platform,
    controllers: [...controllers],
    providers: [PageLog, ...providers, { provide: APP_GUARD, useClass: CountingGuard }],
    options: { harmlessGuards: [CountingGuard], ...options },
    prepare: (created) => {
      created.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
        middleware.push(request.url ?? '');
        response.setHeader('X-Frame-Options', 'DENY');
        next();
      });
    },
  });
  try {
    await run({ app, middleware, get: (path, headers = {}) => answer(url + path, { headers }) });
  } finally {
    await app.close();
  }
}

/** Stores the page, then asks for it again. */
async function hit({ app, get, middleware }: Seen, path = '/page', headers: Record<string, string> = {}) {
  await get(path);
  expect(await app.get(PageLog).outcome(path)).toBe('stored');
  middleware.length = 0;
  CountingGuard.asked = 0;
  return get(path, headers);
}

/** Wants to know the handler, as its base does where there is one. */
@Injectable()
class StricterVisitors extends VisitorListener {
  override onRequested(event: PageRequested): void {
    const { headers } = event.head;
    if (event.context.getHandler().name === 'page' && headers['x-strict'] !== undefined) event.bypass('stricter');
  }
}

/** Says that it needs no handler. */
@Injectable()
class NoCrawlers {
  @OnPageCache(PageRequested)
  @OnPageCache(RequestArrived)
  onRequested(event: RequestArrived): void {
    if (event.head.headers['x-crawler'] !== undefined) event.bypass('crawler');
  }
}

describe.each(PLATFORMS)('a hit of the application, on %s', (platform) => {
  it.each([
    ['gzip', 'gzip'],
    ['identity', null],
  ])('comes before middleware and guards, with the fields of the page (%s)', async (accepted, coding) => {
    await using(platform, {}, [], [PagesController], async (seen) => {
      const answered = await hit(seen, '/page', { 'accept-encoding': accepted });
      expect(answered).toBePageCacheHit();
      expect(answered.body.toString()).toBe(LONG);
      expect(answered.headers.get('content-encoding')).toBe(coding);
      // As it was stored.
      expect(answered.headers.get('x-frame-options')).toBe('DENY');
      expect(seen.middleware).toEqual([]);
      expect(CountingGuard.asked).toBe(0);
    });
  });

  it('is a 304 for whoever has the page', async () => {
    await using(platform, {}, [], [PagesController], async (seen) => {
      const etag = (await hit(seen)).headers.get('etag') ?? '';
      const again = await seen.get('/page', { 'if-none-match': etag });
      expect(again).toMatchObject({ code: 304, status: 'nestjs-nginx-cache; hit' });
      expect(again.headers.get('etag')).toBe(etag);
      expect(again.headers.get('content-type')).toBeNull();
      expect(seen.middleware).toEqual([]);
    });
  });

  it.each([
    ['a listener', {}, [RoutedHits], '/page', 'nestjs-nginx-cache; hit'],
    ['its handler', {}, [], '/choosy', 'nestjs-nginx-cache; hit'],
    [
      'a policy in the place of a built-in one',
      { listeners: DEFAULT_LISTENERS.map((one) => (one === VisitorListener ? StricterVisitors : one)) },
      [],
      '/page',
      'nestjs-nginx-cache; fwd=bypass; detail=stricter',
    ],
  ] as const)('comes after them where %s has a say in it', async (_, options, providers, path, status) => {
    await using(platform, options, providers, [PagesController, ChoosyController], async (seen) => {
      expect(await hit(seen, path, { 'x-strict': 'yes' })).toMatchObject({ status });
      expect(seen.middleware).toEqual([path]);
    });
  });

  it('is refused by a listener that needs no handler', async () => {
    await using(platform, {}, [NoCrawlers], [PagesController], async (seen) => {
      expect(await hit(seen)).toBePageCacheHit();
      expect(seen.middleware).toEqual([]);
      const crawled = await seen.get('/page', { 'x-crawler': 'yes' });
      expect(crawled.status).toBe('nestjs-nginx-cache; fwd=bypass; detail=crawler');
      expect(seen.middleware).toEqual(['/page']);
    });
  });

  it.each([
    ['cookie', { cookie: 'sid=1' }],
    ['authorization', { authorization: 'Basic eDp5' }],
    ['credentials', { 'x-api-key': 'x' }],
    ['conditional', { 'if-match': '"x"' }],
  ] as const)('is none with %s', async (detail, headers) => {
    await using(platform, {}, [], [PagesController], async (seen) => {
      expect((await hit(seen, '/page', headers)).status).toBe(`nestjs-nginx-cache; fwd=bypass; detail=${detail}`);
      expect(seen.middleware).toEqual(['/page']);
    });
  });
});
