import type { ServerResponse } from 'node:http';
import { Controller, Get, Header, Injectable, Param, Res } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CurrentPage, OnPageCache, PageCache, type PageDraft, PageRendered } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();

/** The header fields of a page, and how long it is kept: in seconds, -1 = until purged, or why it is not. */
const FIELDS: readonly [
  fields: () => Record<string, string | string[]>,
  respected: number | string,
  not: number | string,
][] = [
  [() => ({}), 300, 300],
  [() => ({ 'cache-control': 'max-age=100' }), 100, 300],
  [() => ({ 'cache-control': 'public, max-age=100, s-maxage=200' }), 200, 300],
  [() => ({ 'cache-control': 'max-age=100', 'cdn-cache-control': 'max-age=1000' }), 1000, 300],
  [() => ({ 'cache-control': 'max-age=100', 'cdn-cache-control': 'rubbish, max-age="x' }), 100, 300],
  [() => ({ expires: inSeconds(150) }), 150, 300],
  [() => ({ expires: inSeconds(150), 'cache-control': 'max-age=50' }), 50, 300],
  [() => ({ 'cache-control': 'max-age=100', age: '40' }), 60, 300],
  [() => ({ 'cache-control': 'max-age=31536000, immutable' }), 31_536_000, 300],
  [() => ({ 'cache-control': 'max-age=60, must-revalidate, stale-while-revalidate=600' }), 60, 300],
  [() => ({ 'cache-control': 'max-age=0' }), 'stale', 300],
  [() => ({ 'cache-control': 'max-age=10, max-age=20' }), 'stale', 300],
  [() => ({ 'cache-control': 'max-age=abc' }), 'stale', 300],
  [() => ({ expires: '0' }), 'stale', 300],
  [() => ({ 'cache-control': 'max-age=20', age: '30' }), 'stale', 300],
  [() => ({ 'cache-control': 'no-store' }), 'no-store', 'no-store'],
  [() => ({ 'cache-control': 'max-age=60, private' }), 'private', 'private'],
  [() => ({ 'cdn-cache-control': 'no-store' }), 'no-store', 'no-store'],
  // What is malformed hides nothing.
  [() => ({ 'cache-control': 'ext="a, private' }), 'private', 'private'],
  [() => ({ 'cache-control': ['ext="a', 'no-store, x="b"'] }), 'no-store', 'no-store'],
  [() => ({ 'cache-control': 'ext="private, no-store", max-age=70' }), 70, 300],
];

@Injectable()
class RenderedListener {
  @OnPageCache(PageRendered)
  onRendered(event: PageRendered) {
    if (event.draft.address.path === '/listened') event.ttl = 40_000;
  }
}

@Controller()
class FreshnessController {
  @Get('fields/:index')
  fields(@Param('index') index: string, @Res() reply: ServerResponse) {
    const response = raw(reply);
    response.setHeader('content-type', HTML);
    for (const [name, value] of Object.entries(FIELDS[Number(index)]![0]())) response.setHeader(name, value);
    response.end('x');
  }

  @Get('decorated')
  @PageCache({ ttl: 20_000 })
  @Header('content-type', HTML)
  @Header('cache-control', 'max-age=100')
  decorated() {
    return 'x';
  }

  @Get(['drafted', 'listened'])
  @PageCache({ ttl: 20_000 })
  @Header('content-type', HTML)
  @Header('cache-control', 'max-age=0')
  drafted(@CurrentPage() page: PageDraft) {
    page.ttl = 30_000;
    return 'x';
  }

  @Get('for-ever')
  @PageCache({ ttl: 0 })
  @Header('content-type', HTML)
  @Header('cache-control', 'max-age=100')
  forEver() {
    return 'x';
  }

  @Get('private')
  @PageCache({ ttl: 20_000 })
  @Header('content-type', HTML)
  @Header('cache-control', 'private')
  privately(@CurrentPage() page: PageDraft) {
    page.ttl = 30_000;
    return 'x';
  }

  @Get('short')
  @Header('content-type', HTML)
  @Header('cache-control', 'max-age=1')
  short() {
    return 'x';
  }
}

describe.each(
  PLATFORMS.flatMap((platform) => [true, false].map((respectCacheControl) => ({ platform, respectCacheControl }))),
)('on $platform, respectCacheControl: $respectCacheControl', ({ platform, respectCacheControl }) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [FreshnessController],
      providers: [RenderedListener],
      options: { respectCacheControl },
    });
  });
  afterAll(() => site?.stop());
  beforeEach(() => site.memcached.flush());

  /** What is left of it in memcached in seconds, or why it was not stored. */
  const kept = async (target: string): Promise<number | string> => {
    site.log.forget();
    await site.get(target);
    const outcome = await site.log.outcome(target);
    const item = await site.memcached.send(`mg page:${target} t`);
    return outcome === 'stored' ? Number(/ t(-?\d+)/.exec(item)?.[1]) : item.startsWith('EN') ? outcome : item;
  };
  /** Up to 10 % earlier, never later. A second may have gone by. */
  const isAbout = (expected: number | string) => (seen: unknown) =>
    typeof expected === 'string' || expected < 0
      ? seen === expected
      : Number(seen) <= expected && Number(seen) >= Math.floor(expected * 0.9) - 2;

  it('header fields decide, or do not', async () => {
    for (const [index, [, respected, not]] of FIELDS.entries()) {
      const expected = respectCacheControl ? respected : not;
      expect(await kept(`/fields/${index}`), `field ${index}: ${expected}`).toSatisfy(isAbout(expected));
    }
  });

  it.each([
    ['/decorated', 20],
    ['/drafted', 30],
    ['/listened', 40],
    ['/for-ever', -1],
    ['/private', 'private'],
  ])('who comes first: %s is kept for %s', async (target, expected) => {
    expect(await kept(target)).toSatisfy(isAbout(expected));
  });

  it('nothing is served after its time', async () => {
    if (!respectCacheControl) return;
    const outcome = async () => {
      site.log.forget();
      await site.get('/short');
      return site.log.outcome('/short');
    };
    // On a busy machine, it may end while it is stored.
    await expect.poll(outcome).toBe('stored');
    await new Promise((resolve) => setTimeout(resolve, 2100));
    expect(await site.get('/short')).toBePageCacheMiss();
  });
});
