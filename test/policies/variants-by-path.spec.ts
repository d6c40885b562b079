import { Controller, Get, Header, Headers } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { type NginxCacheOptions, PageCacheService } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

@Controller()
class ShopController {
  static renders = 0;

  @Get(['', 'products/1'])
  @Header('content-type', HTML)
  page(@Headers('accept-language') language: string, @Headers('cookie') cookie: string) {
    return `<p>${language} ${cookie}</p>`;
  }

  /** Says so, whatever the visitor prefers. */
  @Get('feed.html')
  @Header('content-type', HTML)
  @Header('content-language', 'fr')
  feed(@Headers('accept-language') language: string, @Headers('cookie') cookie: string) {
    ShopController.renders += 1;
    return `<p>${language} ${cookie}</p>`;
  }
}

const options: NginxCacheOptions = {
  variants: [
    { name: 'lang', header: 'Accept-Language', values: ['en', 'de', 'fr'], default: 'en', exclude: ['/feed.html'] },
    { name: 'view', cookie: 'view', values: ['list', 'grid'], default: 'list', include: ['/products/*'] },
  ],
  excuseHeaders: ['content-language'],
};

describe.each(PLATFORMS)('variants of some paths on %s', (platform) => {
  it('store the page of another path once, for the default', async () => {
    await using site = await startSite({ platform, controllers: [ShopController], options });
    ShopController.renders = 0;
    for (const fields of [{ 'accept-language': 'de' }, { 'accept-language': 'fr, en', cookie: 'view=grid' }, {}]) {
      for (const ask of [site.get, site.direct]) {
        const answer = await ask('/feed.html', { headers: fields as Record<string, string> });
        expect(answer.body.toString()).toBe('<p>en view=list</p>');
        expect(await site.log.outcome('/feed.html')).toBe('stored');
        if (ShopController.renders > 1) expect(answer).toBePageCacheHit();
      }
    }
    expect(ShopController.renders).toBe(1);
    // A value that is none of the list makes no other page there, so it need not be kept away.
    expect(await site.get('/feed.html', { headers: { cookie: 'view=x' } })).toBePageCacheHit();
    const pages = site.app.get(PageCacheService);
    expect(pages.keysFor('/feed.html')).toEqual(['page:;lang=en;view=list/feed.html']);
    expect(pages.keysFor('/')).toHaveLength(3);
    expect(pages.keysFor('/products/1')).toHaveLength(6);
    expect((await pages.purge('/feed.html')).purged).toBe(1);
    await pages.publish('/feed.html', '/');
    expect(new Set(await site.memcached.keys())).toEqual(
      new Set(['de/', 'en/', 'fr/', 'en/feed.html'].map((page) => `page:;lang=${page.replace('/', ';view=list/')}`)),
    );
  });

  it('and one for each value where it matters', async () => {
    await using site = await startSite({ platform, controllers: [ShopController], options });
    for (const [language, cookie] of [
      ['de', 'view=grid'],
      ['en', 'view=grid'],
      ['de', 'view=list'],
    ] as const) {
      site.log.forget();
      const headers = { 'accept-language': language, cookie };
      const first = await site.get('/products/1', { headers });
      expect(first.body.toString()).toBe(`<p>${language} ${cookie}</p>`);
      expect(await site.log.outcome('/products/1')).toBe('stored');
      expect(await site.get('/products/1', { headers })).toBePageCacheHit();
    }
    expect(await site.get('/products/1', { headers: { cookie: 'view=x' } })).toBypassPageCache();
  });
});
