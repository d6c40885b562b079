import type { ServerResponse } from 'node:http';
import { Controller, Get, Param, Res } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memoryStore, type NginxCacheOptions, PageCacheService } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { type Platform, PLATFORMS, startApplication } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { type Answer, answer, type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';
const CSP = "default-src 'self'; img-src *";

/** What helmet sends, in short. */
const HELMET: Record<string, string> = {
  'Content-Security-Policy': CSP,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-XSS-Protection': '0',
};

type Fields = Record<string, string | string[]>;
const SETS: Record<string, Fields> = {
  helmet: { ...HELMET },
  'helmet-in-lower-case': Object.fromEntries(
    Object.entries(HELMET).map(([name, value]) => [name.toLowerCase(), value]),
  ),
  'other-value': { ...HELMET, 'Content-Security-Policy': "default-src 'none'" },
  twice: { ...HELMET, 'X-Frame-Options': ['SAMEORIGIN', 'DENY'] },
  'one-less': Object.fromEntries(Object.entries(HELMET).filter(([name]) => name !== 'X-Frame-Options')),
  'one-more': { ...HELMET, Link: '</style.css>; rel=preload' },
  cors: { ...HELMET, 'Access-Control-Allow-Origin': '*' },
  'powered-by': {
    ...HELMET,
    'X-Powered-By': 'coffee',
    'X-Request-Id': '17',
    'Server-Timing': 'db;dur=53',
    ETag: '"1"',
  },
  build: { ...HELMET, 'X-Build': '17' },
  vary: { ...HELMET, Vary: 'Accept-Encoding, Origin' },
  'vary-other': { ...HELMET, Vary: 'Origin, User-Agent' },
  cookies: { ...HELMET, 'Set-Cookie': ['consent=1; Path=/', 'ab_x=2'] },
  'cookies-other': { ...HELMET, 'Set-Cookie': ['consent=1; Path=/', 'sid=2'] },
  'cookie-like': { ...HELMET, 'Set-Cookie': 'consent2=1' },
  'max-age': { ...HELMET, 'Cache-Control': 'max-age=100', Expires: 'Fri, 20 Nov 2099 12:00:00 GMT' },
  private: { ...HELMET, 'Cache-Control': 'private' },
};

@Controller()
class HeadersController {
  @Get(':set')
  show(@Param('set') set: string, @Res() reply: ServerResponse) {
    const response = raw(reply);
    response.setHeader('Content-Type', HTML);
    for (const [name, value] of Object.entries(SETS[set] ?? {})) response.setHeader(name, value);
    response.end(`<p>${set}</p>`);
  }
}

const OPTIONS: NginxCacheOptions = {
  nginx: { headers: HELMET },
  excuseVary: ['origin'],
  excuseHeaders: ['x-build'],
  excuseCookies: ['consent', 'ab_*'],
};

/** The fields that a page has, however it comes: those of one response, and those that nginx makes, left out. */
const own = ({ headers }: Answer) =>
  [...headers].filter(
    ([name]) =>
      !/^(?:date|connection|keep-alive|cache-status|server|content-length|transfer-encoding|set-cookie)$/.test(name) &&
      !/^(?:etag|x-powered-by|x-request-id|server-timing|x-build|vary|accept-ranges)$/.test(name),
  );

describe.each(PLATFORMS)('with the memcached flavour on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({ platform, controllers: [HeadersController], options: OPTIONS });
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  it.each([
    ['/helmet', 'stored'],
    ['/helmet-in-lower-case', 'stored'],
    ['/powered-by', 'stored'],
    ['/build', 'stored'],
    ['/vary', 'stored'],
    ['/cookies', 'stored'],
    ['/other-value', 'header-content-security-policy'],
    ['/twice', 'header-x-frame-options'],
    ['/one-less', 'header-x-frame-options'],
    ['/one-more', 'header-link'],
    ['/cors', 'header-access-control-allow-origin'],
    ['/vary-other', 'vary'],
    ['/cookies-other', 'set-cookie'],
    ['/cookie-like', 'set-cookie'],
  ])('%s is %s', async (target, outcome) => {
    const first = await site.get(target);
    expect(await site.log.outcome(target)).toBe(outcome);
    const second = await site.get(target);
    expect(own(second)).toEqual(own(first));
    if (outcome === 'stored') expect(second).toBePageCacheHit();
    else expect(second.status).toContain(outcome);
    // The application, which has nothing but the body either, sends the same.
    const direct = await site.direct(target);
    if (outcome === 'stored') {
      expect(direct).toBePageCacheHit();
      expect(own(direct)).toEqual(own(first));
      expect(second.headers.getSetCookie()).toEqual([]);
      expect(direct.headers.getSetCookie()).toEqual([]);
    }
  });

  it('what does not come from the cache has no such fields of nginx', async () => {
    const response = await site.get('/other-value');
    expect(response.headers.get('content-security-policy')).toBe("default-src 'none'");
    const missing = await site.get('/nowhere/at/all');
    expect(missing.headers.get('content-security-policy') ?? '').not.toContain('img-src');
  });
});

describe.each(PLATFORMS)('clientCacheControl on %s', (platform) => {
  const options: NginxCacheOptions = { ...OPTIONS, clientCacheControl: 'public, max-age=5' };

  it('is the same on a miss and on a hit, and not of what is not stored', async () => {
    await using site = await startSite({ platform, controllers: [HeadersController], options });
    for (const target of ['/helmet', '/max-age']) {
      const first = await site.get(target);
      expect(await site.log.outcome(target)).toBe('stored');
      for (const next of [first, await site.get(target), await site.direct(target)]) {
        expect(next.headers.get('cache-control')).toBe('public, max-age=5');
        expect(next.headers.get('expires')).toBeNull();
      }
    }
    // Kept as long as the page itself says.
    const [key] = site.app.get(PageCacheService).keysFor('/max-age');
    expect(Number(/ t(\d+)/.exec(await site.memcached.send(`mg ${key} t`))?.[1])).toBeLessThanOrEqual(100);
    expect((await site.get('/private')).headers.get('cache-control')).toBe('private');
    expect((await site.get('/one-more')).headers.get('cache-control')).toBeNull();
    const session = await site.get('/max-age', { headers: { cookie: 'sid=1' } });
    expect(session.headers.get('cache-control')).toBe('max-age=100');
  });

  it('a browser that asks whether its copy is good gets the page', async () => {
    await using site = await startSite({ platform, controllers: [HeadersController], options });
    const condition = { 'if-none-match': '"1"', 'if-modified-since': new Date().toUTCString() };
    // Before it is stored, when it is stored, and without nginx.
    const first = await site.get('/powered-by', { headers: condition });
    expect(first.code === 200 ? first.body.toString() : first.code).toSatisfy(
      (seen: unknown) => seen === '<p>powered-by</p>' || seen === 304,
    );
    expect(await site.log.outcome('/powered-by')).toBe('stored');
    expect((await site.get('/powered-by', { headers: condition })).body.toString()).toBe('<p>powered-by</p>');
    expect((await site.get('/powered-by')).body.toString()).toBe('<p>powered-by</p>');
    const direct = await site.direct('/powered-by', { headers: condition });
    expect(direct).toBypassPageCache('conditional');
  });
});

describe.each(PLATFORMS)('with a store that keeps header fields on %s', (platform: Platform) => {
  it('all of them come back', async () => {
    const { app, url } = await startApplication({
      platform,
      controllers: [HeadersController],
      options: { store: memoryStore(), clientCacheControl: 'max-age=5', excuseVary: ['origin'], excuseCookies: ['*'] },
    });
    for (const set of Object.keys(SETS).filter((name) => !/^(?:vary-other|private)$/.test(name))) {
      const first = await answer(`${url}/${set}`);
      const second = await answer(`${url}/${set}`);
      expect(second, set).toBePageCacheHit();
      expect(own(second), set).toEqual(own(first));
      expect(second.headers.getSetCookie()).toEqual([]);
    }
    await app.close();
  });
});
