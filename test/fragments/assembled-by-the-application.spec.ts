import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { INestApplication } from '@nestjs/common';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import {
  escaped,
  EVIL,
  FAILING,
  FragmentPagesController,
  largeContent,
  userBar,
} from '../support/fragment-pages.controller.js';
import { PageLog } from '../support/page-log.js';
import { type Answer, answer } from '../support/site.js';

const FALLBACK = '<a href="/login">Sign in</a>';
const SAFE_FALLBACK = `<em>${EVIL.replaceAll('<!--#', '<!-- #')}</em>`;
const home = (name?: string) => `<h1>Hömé</h1>${userBar(name) || FALLBACK}<p>${EVIL}</p>`;

describe.each(PLATFORMS)('on %s, the application fills fragments in', (platform) => {
  const logger = new CollectedLogger();
  let app: INestApplication;
  let log: PageLog;
  let url: string;
  const get = (
    target: string,
    name?: string,
    init: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> =>
    answer(url + target, { ...init, headers: { ...init.headers, ...(name && { cookie: `name=${name}` }) } });
  const text = async (target: string, name?: string) => (await get(target, name)).body.toString();

  beforeAll(async () => {
    ({ app, url } = await startApplication({
      platform,
      options: {
        hosts: 'any',
        fragments: ['/with/*'],
        fragmentTimeout: 3000,
        anonymousOnly: { sessionCookies: ['session'] },
      },
      controllers: [FragmentPagesController],
      providers: [PageLog],
      logger,
    }));
    log = app.get(PageLog);
    FragmentPagesController.calls.clear();
  });
  afterAll(() => app.close());

  it('for the visitor of a miss and of a hit, each with his own cookies', async () => {
    expect(await text('/with/home', 'Eve')).toBe(home('Eve'));
    expect(await log.outcome('/with/home')).toBe('stored');
    const calls = FragmentPagesController.calls.get('user-bar') ?? 0;
    const hit = await get('/with/home', 'Adam <b>');
    expect(hit.body.toString()).toBe(home('Adam <b>'));
    expect(hit.status).toBe('nestjs-nginx-cache; hit');
    expect(await text('/with/home')).toBe(home());
    expect(FragmentPagesController.calls.get('home')).toBe(1);
    expect(FragmentPagesController.calls.get('user-bar')).toBe(calls + 2);
  });

  it('with fields that say that the page is made for one visitor', async () => {
    await get('/with/plain');
    expect(await log.outcome('/with/plain')).toBe('stored');
    for (const target of ['/with/plain', '/with/home', '/undeclared']) {
      for (const method of ['HEAD', 'GET']) {
        const { headers, body, code } = await get(target, undefined, { method, headers: { range: 'bytes=0-3' } });
        expect([target, code]).toEqual([target, 200]);
        expect([target, method, headers.get('cache-control')]).toEqual([target, method, 'private, no-cache']);
        for (const name of ['etag', 'last-modified', 'accept-ranges', 'age', 'expires']) {
          expect([target, method, name, headers.get(name)]).toEqual([target, method, name, null]);
        }
        if (method === 'GET') expect(Number(headers.get('content-length') ?? body.length)).toBe(body.length);
      }
    }
  });

  // Each of these fields takes precedence over Cache-Control in the cache that it is for.
  it('and no field that lets the cache of a CDN keep it for others', async () => {
    for (const target of ['/with/cdn', '/cdn', '/with/accel', '/with/cdn']) {
      const { headers, body } = await get(target, 'Eve');
      expect([target, body.toString()]).toEqual([target, `<p>${userBar('Eve')}</p>`]);
      expect([target, headers.get('cache-control')]).toEqual([target, 'private, no-cache']);
      for (const name of [...Object.keys(FragmentPagesController.forCaches), 'x-accel-expires']) {
        expect([target, name, headers.get(name)]).toEqual([target, name, null]);
      }
      await log.outcome(target);
    }
    expect(log.outcomes.get('/with/cdn')).toBe('stored');
  });

  it('answers HEAD with the fields that GET has, but for the length of what nobody has assembled', async () => {
    const differs = new Set([
      'content-length',
      'transfer-encoding',
      'cache-status',
      'date',
      'connection',
      'keep-alive',
    ]);
    for (const target of ['/undeclared', '/streamed', '/with/home']) {
      const heads = await Promise.all(
        ['HEAD', 'GET'].map(async (method) => (await get(target, 'Eve', { method })).headers),
      );
      const [head, whole] = heads.map((headers) => [...headers].filter(([name]) => !differs.has(name)));
      expect([target, head]).toEqual([target, whole]);
    }
  });

  it('in pages without fragments changes nothing', async () => {
    expect(await text('/with/plain')).toBe(`<h1>plain</h1>${EVIL}<!--`);
  });

  it('on a path that is not declared, and stores nothing', async () => {
    expect(await text('/undeclared', 'Eve')).toBe(home('Eve'));
    expect(await log.outcome('/undeclared')).toBe('fragment');
    expect(await text('/undeclared')).toBe(home());
  });

  it('in templates that escape them, and in content that comes in pieces', async () => {
    const template = await text('/with/template', 'Eve');
    expect(template).toContain(userBar('Eve'));
    for (const target of ['/with/streamed', '/streamed']) {
      expect(await text(target, 'Eve')).toBe(`<p>${userBar('Eve')}</p><hr>`);
      expect(await text(target)).toBe('<p></p><hr>');
    }
  });

  it('and shows nobody a marker in what is no HTML', async () => {
    expect(JSON.parse(await text('/with/json')).html.trim()).toBe('');
  });

  it('gives them their parameters as they are, and the address of the page', async () => {
    const odd = `"-->\r\n../$http_cookie&<!--#`;
    for (const _ of ['miss', 'hit']) {
      const said = JSON.stringify([{ id: '7', odd }, '/with/post/7?utm_source=a']);
      expect(await text('/with/post/7?utm_source=a')).toBe(`<i>${escaped(said)}</i>`);
      await log.outcome('/with/post/7');
    }
  });

  it('also in each other, up to a depth, and executes nothing of what they say', async () => {
    for (const _ of ['miss', 'hit']) {
      expect(await text('/with/everything/evil')).toBe(`before ${EVIL} after`);
      expect(await text('/with/everything/outer', 'Eve')).toBe(`before [${EVIL}${userBar('Eve')}] after`);
      expect(await text('/with/everything/endless')).toBe('before (((((end))))) after');
      await log.outcome('/with/everything/endless');
    }
  });

  it.each(FAILING)('puts the fallback in the place of one that fails: %s', async (way) => {
    for (const _ of ['miss', 'hit']) {
      expect(await text(`/with/everything/${way}`)).toBe(`before ${SAFE_FALLBACK} after`);
      expect(await log.outcome(`/with/everything/${way}`)).toBe('stored');
    }
  });

  it('asks guards as ever', async () => {
    expect(await text('/with/everything/guarded', 'Eve')).toBe('before let in after');
  });

  it('says once that cookies of a fragment reach nobody', async () => {
    for (const _ of ['miss', 'hit']) {
      const { headers, body } = await get('/with/everything/sets-cookie');
      expect(body.toString()).toBe('before with a cookie after');
      expect(headers.get('set-cookie')).toBeNull();
    }
    expect(logger.lines.filter((line) => line.includes('sets-cookie sets a cookie'))).toHaveLength(1);
  });

  it.each([
    '/.page-fragment/user-bar',
    '/.page-fragment/user-bar?id=1',
    '//.page-fragment/user-bar',
    '/%2Epage-fragment/user-bar',
    '/.page-fragment//user-bar',
    '/.page-fragment/user-bar/',
    '/.PAGE-FRAGMENT/USER-BAR',
    '/.page-fragment/user%2Dbar',
    '/x/../.page-fragment/user-bar',
  ])('answers 404 to who asks for a fragment himself: %s', async (target) => {
    for (const method of ['GET', 'HEAD', 'POST']) {
      const headers = { 'x-page-fragment': '/', 'x-original-url': '/.page-fragment/user-bar', cookie: 'name=Eve' };
      const { code, body } = await answer(url + target, { method, headers });
      expect([method, code]).toEqual([method, 404]);
      expect(body.toString()).not.toContain('Eve');
    }
  });

  it.each(['writes', 'one'])('sends a page that is larger than pages may be with fallbacks: in %s', async (way) => {
    const { headers, body } = await get(`/with/large/${way}`, 'Eve');
    const filler = '<p>'.repeat(1000);
    expect(body.toString()).toBe(`${filler}fallback${filler}`.repeat(300));
    expect(headers.get('cache-control')).toBe('private, no-cache');
    expect(await log.outcome(`/with/large/${way}`)).toBe('size');
  });

  it.each(['x-own', 'gzip'])('in a page that says it is coded with %s, and is not', async (coding) => {
    const { headers, body } = await get(`/with/labelled/${coding}`, 'Eve');
    expect(body.toString()).toBe(`<p>${userBar('Eve')}</p>`);
    expect([headers.get('content-encoding'), headers.get('cache-control')]).toEqual([null, 'private, no-cache']);
    expect(await log.outcome(`/with/labelled/${coding}`)).toBe('content-encoding');
  });

  it.each(['gzip/noise', 'gzip/p', 'br/noise', 'br/p'])(
    'so it does when the application has packed it: %s',
    async (way) => {
      const [coding, filler = ''] = way.split('/');
      for (const method of ['GET', 'HEAD']) {
        const { headers, body } = await get(`/with/packed/${way}`, 'Eve', { method });
        expect([headers.get('content-encoding'), headers.get('cache-control')]).toEqual([coding, 'private, no-cache']);
        if (method === 'GET') expect(body.toString() === largeContent(filler, 'fallback')).toBe(true);
      }
    },
  );
});
