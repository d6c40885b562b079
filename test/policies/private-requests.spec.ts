import { Controller, Get, Header, Post } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

@Controller()
class VisitorsController {
  static renders = 0;

  @Get('page')
  @Header('content-type', HTML)
  page() {
    return `render ${(VisitorsController.renders += 1)}`;
  }

  @Post('page')
  @Header('content-type', HTML)
  post() {
    return this.page();
  }

  @Get('admin/page')
  @Header('content-type', HTML)
  admin() {
    return this.page();
  }
}

const PRIVATE: [name: string, target: string, init: RequestInit, detail: string][] = [
  ['a session cookie', '/page', { headers: { cookie: 'connect.sid=s%3Aabc' } }, 'cookie'],
  ['an unknown cookie', '/page', { headers: { cookie: 'whatever=1' } }, 'cookie'],
  ['an unknown cookie among ignored ones', '/page', { headers: { cookie: '_ga=1; x=2; _gid=3' } }, 'cookie'],
  ['a cookie without a name', '/page', { headers: { cookie: 'abc' } }, 'cookie'],
  ['a cookie like an ignored one', '/page', { headers: { cookie: 'a_ga=1' } }, 'cookie'],
  ['Authorization', '/page', { headers: { authorization: 'Bearer x' } }, 'authorization'],
  ['X-Api-Key', '/page', { headers: { 'x-api-key': 'x' } }, 'credentials'],
  ['X-Auth-Request-Email', '/page', { headers: { 'x-auth-request-email': 'alice@example.com' } }, 'credentials'],
  ['HX-Request', '/page', { headers: { 'hx-request': 'true' } }, 'partial'],
  ['a field of requestFields.bypass', '/page', { headers: { 'x-preview': '1' } }, 'request-field'],
  ['POST', '/page', { method: 'POST' }, 'method'],
  ['an excluded path', '/admin/page', {}, 'excluded'],
  ['an unknown parameter', '/page?preview=1', {}, 'query'],
];

describe.each(PLATFORMS)('a private request on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    const options = { exclude: ['/admin/*'], requestFields: { bypass: ['X-Preview'] } };
    site = await startSite({ platform, controllers: [VisitorsController], options });
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  it.each(PRIVATE)('with %s is neither stored nor served from the cache', async (_, target, init, detail) => {
    for (const ask of [site.get, site.direct]) {
      const [first, second] = [await ask(target, init), await ask(target, init)];
      expect(first).toBypassPageCache(detail);
      expect(second).toBypassPageCache(detail);
      expect(second.body.equals(first.body)).toBe(false);
    }
    expect(await site.memcached.keys()).toEqual([]);
    expect(site.log.outcomes.size).toBe(0);
  });

  it.each(PRIVATE)('with %s does not get the page that is stored for everybody', async (_, target, init, detail) => {
    // As if it had been stored before the options changed, too.
    await site.memcached.send(`set page:${target} 0 0 6\r\nstored`);
    for (const ask of [site.get, site.direct]) {
      const answer = await ask(target, init);
      expect(answer).toBypassPageCache(detail);
      expect(answer.body.toString()).toMatch(/^render /);
    }
  });

  it.each(['_ga=GA1.2.3; _gid=4', '_ga_ABC123=x', ' _fbp = 1 ;'])('is not what sends "%s"', async (cookie) => {
    expect(await site.get('/page', { headers: { cookie } })).toBePageCacheMiss();
    expect(await site.log.outcome('/page')).toBe('stored');
    const visitors = await Promise.all([{}, { cookie }].map((headers) => site.get('/page', { headers })));
    for (const answer of visitors) expect(answer).toBePageCacheHit();
    expect(await site.direct('/page', { headers: { cookie } })).toBePageCacheHit();
  });
});

describe.each(PLATFORMS)('with sessionCookies on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [VisitorsController],
      options: { anonymousOnly: { sessionCookies: ['connect.sid', 'wp_*'] } },
    });
  });
  afterAll(() => site?.stop());

  it('only these cookies are private', async () => {
    await site.get('/page', { headers: { cookie: 'other=1' } });
    expect(await site.log.outcome('/page')).toBe('stored');
    expect(await site.get('/page', { headers: { cookie: 'other=2' } })).toBePageCacheHit();
    for (const cookie of ['connect.sid=1', 'a=b;connect.sid=1', 'a=b; wp_login=1', 'connect.sid']) {
      expect(await site.get('/page', { headers: { cookie } })).toBypassPageCache('cookie');
      expect(await site.direct('/page', { headers: { cookie } })).toBypassPageCache('cookie');
    }
  });
});
