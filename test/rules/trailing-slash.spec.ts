import { Controller, Get, Header, Post } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCacheService } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class SlashController {
  @Get(['/', 'about', 'posts/:id', 'feed.xml', 'a/b'])
  @Header('content-type', 'text/html; charset=utf-8')
  show() {
    return 'x';
  }

  @Post('about')
  post() {}
}

/** Which addresses are pages. */
const PAGES = {
  forbid: ['/', '/about', '/posts/1', '/feed.xml', '/a/b', '/posts/1?p=1'],
  require: ['/', '/about/', '/posts/1/', '/feed.xml', '/feed.xml/', '/a/b/', '/posts/1/?p=1'],
  allow: ['/', '/about', '/about/', '/posts/1', '/posts/1/', '/feed.xml', '/feed.xml/', '/a/b', '/a/b/'],
} as const;
const ALL = [
  '/',
  '/about',
  '/about/',
  '/posts/1',
  '/posts/1/',
  '/feed.xml',
  '/feed.xml/',
  '/a/b',
  '/a/b/',
  '/posts/1?p=1',
  '/posts/1/?p=1',
  '/about//',
  '//',
  '/a/b//',
  '/posts//1',
];
const MODES = ['forbid', 'require', 'allow'] as const;
const SITES = PLATFORMS.flatMap((platform) => MODES.map((trailingSlash) => ({ platform, trailingSlash })));

describe.each(SITES)('trailingSlash: $trailingSlash on $platform', ({ platform, trailingSlash }) => {
  let site: Site;
  let pages: PageCacheService;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [SlashController],
      options: { trailingSlash, query: { allow: ['p'] } },
      fastify: { routerOptions: { ignoreTrailingSlash: true } },
    });
    pages = site.app.get(PageCacheService);
  });
  afterAll(() => site?.stop());
  beforeEach(() => site.memcached.flush());

  const stored = async () => (await site.memcached.keys()).filter((key) => key.startsWith('page:')).toSorted();
  const fill = async () => {
    for (const target of ALL) {
      site.log.outcomes.delete(target);
      const { status } = await site.get(target);
      if (status.includes('fwd=miss')) await site.log.outcome(target);
    }
  };
  const isPage = (target: string) =>
    (PAGES[trailingSlash] as readonly string[]).includes(target) ||
    (trailingSlash === 'allow' && target.includes('?p=1'));

  it('just its pages are stored and served', async () => {
    await fill();
    const expected = ALL.filter(isPage);
    // A file needs no slash, and has one where the route gives it one.
    expect((await stored()).filter((key) => key !== 'page:/feed.xml/')).toEqual(
      expected
        .filter((target) => target !== '/feed.xml/')
        .map((target) => `page:${target}`)
        .toSorted(),
    );
    for (const target of ALL.filter((one) => one !== '/feed.xml/')) {
      const hit = (await site.get(target)).status === 'nginx; hit';
      expect(hit, target).toBe(isPage(target));
    }
  });

  it('what is not its form is not served, even if it is there', async () => {
    for (const target of ALL.filter((one) => !isPage(one))) {
      await site.memcached.send(`set page:${target} 0 0 5\r\nother`);
      expect((await site.get(target)).body.toString(), target).not.toBe('other');
      expect((await site.direct(target)).body.toString(), target).not.toBe('other');
    }
  });

  it.each(['/about', '/about/'])('purge(%s) takes whatever form there is', async (target) => {
    await fill();
    const { purged } = await pages.purge(target);
    expect(purged).toBe(trailingSlash === 'allow' ? 2 : 1);
    expect((await stored()).filter((key) => key.includes('about'))).toEqual([]);
  });

  it.each(['/posts/1', '/posts/1/'])('purge(%s) takes its queries', async (target) => {
    await fill();
    expect((await pages.purge(target)).purged).toBe(trailingSlash === 'allow' ? 4 : 2);
    expect((await stored()).filter((key) => key.includes('posts'))).toEqual([]);
  });

  it.each(['/a', '/a/'])('purgeUnder(%s), too', async (target) => {
    await fill();
    await pages.purgeUnder(target);
    expect((await stored()).filter((key) => key.startsWith('page:/a/'))).toEqual([]);
    expect((await stored()).length).toBeGreaterThan(0);
  });

  it.each(['/about', '/about/'])('publish(%s) makes what nginx looks for', async (target) => {
    const report = await pages.publish(target);
    const forms = { forbid: ['/about'], require: ['/about/'], allow: ['/about', '/about/'] }[trailingSlash];
    expect(report).toMatchObject({ published: forms, skipped: [], purged: [] });
    expect(await stored()).toEqual(forms.map((form) => `page:${form}`));
    expect(pages.keysFor(target)).toEqual(forms.map((form) => `page:${form}`));
    for (const form of forms) expect(await site.get(form)).toBePageCacheHit();
    expect(await pages.has(target)).toBe(true);
  });

  it.each(['/about', '/about/'])('a POST to %s purges the page', async (target) => {
    await fill();
    await site.get(target, { method: 'POST' });
    expect((await stored()).filter((key) => key.includes('about'))).toEqual([]);
  });
});
