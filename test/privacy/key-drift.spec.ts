import { Controller, Get, Header } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import type { NginxCacheOptions } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class PageController {
  static renders = 0;

  @Get(['page', 'other', 'admin/page', 'slash'])
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return `render ${(PageController.renders += 1)}`;
  }
}

const lang = { name: 'lang', cookie: 'lang', values: ['en', 'de'], default: 'en' };

/** Options of the application, other ones of nginx, and a request that they do not agree about. */
const DRIFTS: [name: string, app: NginxCacheOptions, nginx: NginxCacheOptions, target: string, init: RequestInit][] = [
  ['prefix', {}, { prefix: 'other:' }, '/page', {}],
  ['hosts', {}, { hosts: ['127.0.0.1'] }, '/page', {}],
  ['an allowed parameter', { query: { allow: ['p'] } }, { query: { ignore: ['p'] } }, '/page?p=1', {}],
  ['a variant', { variants: [lang] }, {}, '/page', {}],
  ['the default of a variant', { variants: [lang] }, { variants: [{ ...lang, default: 'de' }] }, '/page', {}],
  [
    'a value of a variant',
    { variants: [{ ...lang, values: ['en', 'de', 'fr'] }] },
    { variants: [lang] },
    '/page',
    {
      headers: { cookie: 'lang=fr' },
    },
  ],
  ['exclude', { exclude: ['/admin/*'] }, {}, '/admin/page', {}],
  ['include', { include: ['/other'] }, {}, '/page', {}],
  ['cookies', {}, { anonymousOnly: { ignoreCookies: ['*'] } }, '/page', { headers: { cookie: 'sid=1' } }],
  [
    'cookies, the other way',
    { anonymousOnly: { ignoreCookies: ['*'] } },
    {},
    '/page',
    { headers: { cookie: 'sid=1' } },
  ],
  ['the slash at the end', { trailingSlash: 'require' }, { trailingSlash: 'forbid' }, '/slash', {}],
];

const pageKeys = async (site: Site) => (await site.memcached.keys()).filter((key) => /^(?:page|other):/.test(key));

describe.each(PLATFORMS)('nginx with other options than the application on %s', (platform) => {
  it.each(DRIFTS)('%s: nothing is stored, and at most one error says so', async (_, options, other, target, init) => {
    const logger = new CollectedLogger();
    await using site = await startSite(
      { platform, controllers: [PageController], options, logger },
      // What is `undefined` there is the default.
      { ...Object.fromEntries(Object.keys(options).map((name) => [name, undefined])), ...other },
    );
    for (let round = 0; round < 3; round += 1) {
      const answer = await site.get(target, init);
      expect(answer.status).toMatch(/^nestjs-nginx-cache; fwd=bypass; detail=/);
    }
    expect(await pageKeys(site)).toEqual([]);
    expect(logger.lines.length).toBeLessThanOrEqual(1);
    if (site.log.outcomes.size > 0) expect([...site.log.outcomes.values()]).not.toContain('stored');
    for (const line of logger.lines) {
      expect(line).toMatch(
        /^error nginx looked for ".*" (?:where the application stores ".*"|by other rules than those of the application)\. .*npx nginx-cache conf/s,
      );
    }
  });

  it('the field of a visitor is not believed behind nginx', async () => {
    const logger = new CollectedLogger();
    await using site = await startSite({ platform, controllers: [PageController], logger });
    for (const key of ['page:/other', 'bypass', 'page:/page', 'x'.repeat(5000)]) {
      await site.memcached.flush();
      site.log.forget();
      await site.get('/page', { headers: { 'x-page-cache-key': key } });
      expect(await site.log.outcome('/page')).toBe('stored');
      expect(await pageKeys(site)).toEqual(['page:/page']);
      expect(await site.get('/page', { headers: { 'x-page-cache-key': key } })).toBePageCacheHit();
    }
    expect(logger.lines).toEqual([]);
  });

  it('sent to the application itself, it can keep a page out, and no more', async () => {
    const logger = new CollectedLogger();
    await using site = await startSite({ platform, controllers: [PageController], logger });
    for (const key of ['page:/other', 'bypass', 'bypass x', '', 'PAGE:/page', 'page:/page ', 'x'.repeat(5000)].slice(
      0,
      5,
    )) {
      const answer = await site.direct('/page', { headers: { 'x-page-cache-key': key } });
      expect(answer.status).toMatch(/fwd=bypass; detail=(?:nginx|key-drift)$/);
    }
    expect(await pageKeys(site)).toEqual([]);
    await site.direct('/page', { headers: { 'x-page-cache-key': 'x'.repeat(5000) } });
    expect(logger.lines.length).toBe(1);
    expect(logger.lines.join().length).toBeLessThan(1000);
    // It stands for no more than the page of the request itself.
    await site.direct('/page', { headers: { 'x-page-cache-key': 'page:/page' } });
    expect(await site.log.outcome('/page')).toBe('stored');
    expect(await pageKeys(site)).toEqual(['page:/page']);
    // Nor does it get anybody past what is private.
    const headers = { 'x-page-cache-key': 'page:/page', cookie: 'sid=1' };
    expect(await site.direct('/page', { headers })).toBypassPageCache('cookie');
  });
});
