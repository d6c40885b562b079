import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Controller, Get, Header } from '@nestjs/common';
import { type DependentPaths, OnPageCache, PageCacheService, PagesPurged } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { fc } from '../support/random.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class EverythingController {
  @Get(['/', ':a', ':a/:b', ':a/:b/:c'])
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return 'page';
  }
}

class PurgeLog {
  readonly events: PagesPurged[] = [];

  @OnPageCache(PagesPurged)
  onPurged(event: PagesPurged) {
    this.events.push(event);
  }
}

describe.each(PLATFORMS)('purges on %s', (platform) => {
  let site: Site;
  let pages: PageCacheService;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [EverythingController],
      providers: [PurgeLog],
      options: { query: { allow: ['page', 'sort'] } },
    });
    pages = site.app.get(PageCacheService);
  });
  afterAll(() => site?.stop());

  const store = async (...targets: string[]) => {
    await site.memcached.flush();
    site.log.forget();
    for (const target of targets) {
      await site.get(target);
      expect([target, await site.log.outcome(target)]).toEqual([target, 'stored']);
    }
  };
  const left = async () => (await site.memcached.keys()).map((key) => key.replace(/^page:/, '')).sort();

  it.each<[string, unknown]>([
    ['a path', '/posts/1'],
    ['a path with a query', '/posts/1?page=7'],
    ['an encoded path', '/%70osts/%31'],
    ['a URL', 'https://example.com/posts/1?x=y'],
    ['a URL object', new URL('http://localhost:3000/posts/1')],
    ['an entity', { dependentPaths: () => ['/posts/1'] } satisfies DependentPaths],
    ['an entity with a promise of a set', { dependentPaths: async () => new Set(['/posts/1', '/posts/1']) }],
  ])('purge() takes %s, with every allowed query of the page', async (_, target) => {
    await store('/posts/1', '/posts/1?page=2', '/posts/1?page=2&sort=up', '/posts/10', '/posts/1/x');
    const report = await pages.purge(target as string);
    expect(report.purged).toBe(3);
    expect(report.targets[0]).toBe('/posts/1');
    expect(report.duration).toBeGreaterThanOrEqual(0);
    expect(await left()).toEqual(['/posts/1/x', '/posts/10']);
    site.log.forget();
    expect(await site.get('/posts/1')).toBePageCacheMiss();
    await site.log.outcome('/posts/1');
  });

  it.each([
    ['/größe', '/gr%C3%B6%C3%9Fe'],
    ['/gr%c3%b6%C3%9Fe', '/gr%C3%B6%C3%9Fe'],
    ['/a b', '/a%20b'],
    ['/100%', '/100%25'],
    ["/it's", "/it's"],
    ['/a+b', '/a+b'],
    ['/a#b', '/a%23b'],
    ['/a#b', '/a'],
    ['/a ', '/a%20'],
    ['/a%3Fb', '/a%3Fb'],
    ['/who?', '/who%3F'],
    ['/who?', '/who?page=2'],
    ['/what?#why', '/what%3F%23why'],
    ['/C#?page=2', '/C%23'],
    ['/p/%25', '/p/%25'],
    ['/p/%25', '/p/%2525'],
    ['/5%50 off?', '/5%2550%20off%3F'],
    ['/100% sure', '/100%25%20sure'],
    ['/50%-käse', '/50%25-k%C3%A4se'],
    ['/a%b c', '/a%25b%20c'],
    ['/a#b %', '/a%23b%20%25'],
    ['/a?b%c d', '/a%3Fb%25c%20d'],
    ['/% ', '/%25%20'],
    ['/100% sure/*', '/100%25%20sure/1'],
    ['http://localhost/100% sure', '/100%25%20sure'],
    ['/a*b', '/a*b'],
    ['/a/*', '/a'],
    ['/a/*', '/a/*'],
    ['/a/*', '/a/b/c'],
    ['/k%C3%A4se/*', '/k%C3%A4se/1'],
    ['http://localhost/a/*', '/a/b'],
    ['/*', '/a'],
    ['/x/../y', '/y'],
  ])('purge(%j) takes %s', async (target, stored) => {
    await store(stored);
    expect(await pages.purge(target)).toMatchObject({ purged: 1 });
    expect(await left()).toEqual([]);
  });

  it('purge() takes what is stored under the encoded name, given any name', async () => {
    // All characters that encodeURIComponent() and browsers treat alike.
    const name = fc
      .string({ unit: fc.constantFrom(...'%%%% #?"<>`{}^*\'aAfF0259zä€-.~'.split('')), minLength: 1, maxLength: 12 })
      .filter((one) => !/^\.{1,2}$/.test(one));
    await store();
    await fc.assert(
      fc.asyncProperty(name, async (one) => {
        const encoded = `/t/${encodeURIComponent(one)}`;
        site.log.forget();
        await site.get(encoded);
        expect(await site.log.outcome(encoded)).toBe('stored');
        // Anything else has a meaning in an address.
        if (!/[#?]|%[0-9a-f]{2}/i.test(one)) expect(await pages.has(`/t/${one}`)).toBe(true);
        expect(await pages.purge(`/t/${one}`)).toMatchObject({ purged: 1 });
      }),
      { numRuns: 60 },
    );
  });

  it('purge() of a subtree leads nowhere else, and what is written for an asterisk is one', async () => {
    await store('/a', '/b', '/b/1', '/b/*');
    expect(await pages.purge('/b/../*')).toMatchObject({ purged: 0 });
    expect(await pages.purge('/b/%2A')).toMatchObject({ purged: 1 });
    expect(await left()).toEqual(['/a', '/b', '/b/1']);
  });

  it('purgeExactly() leaves the other queries alone', async () => {
    const all = ['/list', '/list?page=2', '/list?page=2&sort=a%20b', '/list?page=3', '/list?sort=up'];
    for (const [target, gone] of [
      ['/list', '/list'],
      ['/list?', '/list'],
      ['/list?page=2', '/list?page=2'],
      ['/list?sort=a b&page=2', '/list?page=2&sort=a%20b'],
      [new URL('https://example.com/list?page=3'), '/list?page=3'],
      ['/%6Cist?sort=up#below', '/list?sort=up'],
    ] as const) {
      await store(...all);
      expect(await pages.purgeExactly(target)).toMatchObject({ purged: 1, targets: [gone] });
      const others = all.filter((one) => one !== gone).map((one) => one.replaceAll('%', '%25'));
      expect(await left()).toEqual(others.sort());
    }
    await store(...all);
    expect(await pages.purgeExactly('/list', '/list?page=2', '/list')).toMatchObject({ purged: 2 });
  });

  it('purge() takes many targets at once, and tells listeners once', async () => {
    await store('/', '/a', '/b', '/c');
    const log = site.app.get(PurgeLog);
    log.events.length = 0;
    const report = await pages.purge('/', '/a', { dependentPaths: () => ['/b', '/nothing'] });
    expect(report).toMatchObject({ purged: 3, targets: ['/', '/a', '/b', '/nothing'] });
    expect(await left()).toEqual(['/c']);
    const targets = ['/', '/a', '/b', '/nothing'];
    expect(log.events).toEqual([
      new PagesPurged(
        targets,
        3,
        targets.map((path) => ({ path })),
      ),
    ]);
    log.events.length = 0;
    await pages.purgeUnder('/');
    expect(log.events[0]?.pages).toBeUndefined();
    expect(await pages.purge()).toMatchObject({ purged: 0, targets: [] });
  });

  it.each([
    ['/blog', ['/', '/blogger', '/other/blog']],
    ['/blog/', ['/', '/blogger', '/other/blog']],
    ['/blog/*', ['/', '/blogger', '/other/blog']],
    ['/blog?page=2', ['/', '/blogger', '/other/blog']],
    ['/*', []],
    ['/%62log', ['/', '/blogger', '/other/blog']],
    ['/blog/2024', ['/', '/blog', '/blog/1', '/blog?page=2', '/blogger', '/other/blog']],
    ['/', []],
  ])('purgeUnder(%j)', async (path, rest) => {
    await store('/', '/blog', '/blog?page=2', '/blog/1', '/blog/2024/1', '/blogger', '/other/blog');
    expect(await pages.purgeUnder(path)).toMatchObject({ purged: 7 - rest.length });
    expect(await left()).toEqual(rest);
  });

  it('purgeMatching() matches paths with their queries, and keeps no state', async () => {
    const pattern = /^\/posts\/\d+(\?|$)/g;
    for (let round = 0; round < 2; round += 1) {
      await store('/posts/1', '/posts/22?page=2', '/posts/new');
      expect(await pages.purgeMatching(pattern)).toMatchObject({ purged: 2, targets: [String(pattern)] });
      expect(await left()).toEqual(['/posts/new']);
    }
  });

  it('purgeAll() leaves the pages of another site alone', async () => {
    await store('/', '/a');
    for (const key of ['page', 'pages:/', 'blog:/', 'x']) await site.memcached.send(`set ${key} 0 0 1\r\nx`);
    expect(await pages.purgeAll()).toMatchObject({ purged: 2, targets: ['/*'] });
    expect(await left()).toEqual(['blog:/', 'page', 'pages:/', 'x']);
  });

  it.each<[unknown, RegExp]>([
    ['posts/1', /^'posts\/1' is not a page: give a path like "\/posts\/1" or a URL$/],
    ['', /^'' is not a page/],
    [undefined, /^undefined is not a page/],
    [null, /^null is not a page/],
    [42, /^42 is not a page/],
    [{ id: 1 }, /^{ id: 1 } is not a page/],
    [['/a', '/b'], /^\[ '\/a', '\/b' \] is not a page/],
    ['mailto:someone@example.com', /is not a page/],
    [/x/, /^\/x\/ is not a page/],
    [
      { dependentPaths: () => '/posts/1' },
      /^dependentPaths\(\) must return a list of paths, but it returned '\/posts\/1'$/,
    ],
    [
      { dependentPaths: () => undefined },
      /^dependentPaths\(\) must return a list of paths, but it returned undefined$/,
    ],
    [{ dependentPaths: () => [7] }, /^7 is not a page/],
  ])('%j is no target, and nothing is purged', async (target, message) => {
    await store('/a');
    const purging = pages.purge('/a', target as string);
    await expect(purging).rejects.toThrow(TypeError);
    await expect(purging).rejects.toThrow(message);
    expect(await left()).toEqual(['/a']);
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['purgeUnder', () => pages.purgeUnder('blog'), /^'blog' is not a path: a path begins with "\/"$/],
    ['purgeUnder', () => pages.purgeUnder(undefined as never), /^undefined is not a path/],
    ['purgeUnder', () => pages.purgeUnder(''), /^'' is not a path/],
    ['purgeUnder', () => pages.purgeUnder('/a/*/b'), /^'\/a\/\*\/b' is not a path: .*purgeMatching\(\)$/],
    [
      'purgeExactly',
      () => pages.purgeExactly('/a?x=1'),
      /^'\/a\?x=1' cannot be the address of a page: .*\(page, sort\)/,
    ],
    ['purgeExactly', () => pages.purgeExactly('/a?page=%41'), /^'\/a\?page=%41' cannot be the address of a page/],
    ['purgeExactly', () => pages.purgeExactly('a'), /^'a' is not a page/],
    ['publish', () => pages.publish('/a/*'), /^\/a\/\* is not a page: .*one by one/],
    ['refresh', () => pages.refresh('/', '/a/*'), /^\/a\/\* is not a page: .*one by one/],
    ['purgeMatching', () => pages.purgeMatching('/x' as never), /^'\/x' is not a regular expression$/],
    ['purgeTags', () => pages.purgeTags('a', undefined as never), /^undefined is not a tag/],
    [
      'purgeTags',
      () => pages.purgeTags(['a', 'b'] as never),
      /^\[ 'a', 'b' \] is not a tag: .*purgeTags\('post:1', 'posts'\)$/,
    ],
    ['get', () => pages.get('x'), /^'x' is not a path/],
    ['publish', () => pages.publish({} as never), /^{} is not a page/],
  ])('%s() says what is wrong', async (_, call, message) => {
    await expect(call()).rejects.toThrow(TypeError);
    await expect(call()).rejects.toThrow(message);
  });
});

it.each(['/who?', '/100%25', '/a#b'])('purgeUnder(%j) takes what is below the name as well', async (name) => {
  await using site = await startSite({ platform: 'express', controllers: [EverythingController] });
  const page = `/${encodeURIComponent(name.slice(1))}/1`;
  await site.get(page);
  expect(await site.log.outcome(page)).toBe('stored');
  expect(await site.app.get(PageCacheService).purgeUnder(name)).toMatchObject({ purged: 1 });
});

describe('with hosts', () => {
  it('a path is purged on all of them, a URL on its own', async () => {
    await using site = await startSite({
      platform: 'express',
      controllers: [EverythingController],
      options: { hosts: ['a.example', 'b.example'] },
    });
    const pages = site.app.get(PageCacheService);
    const store = async () => {
      for (const host of ['a.example', 'b.example']) await site.memcached.send(`set page:${host}/x 0 0 1\r\nx`);
    };
    await store();
    expect(await pages.purge('/x')).toMatchObject({ purged: 2 });
    await store();
    expect(await pages.purge('https://B.example:8080/x')).toMatchObject({ purged: 1, targets: ['/x'] });
    expect(await site.memcached.keys()).toEqual(['page:a.example/x']);
    await store();
    expect(await pages.purgeExactly('https://a.example/x')).toMatchObject({ purged: 1 });
    expect(await pages.purgeExactly('/x')).toMatchObject({ purged: 1 });
    await store();
    expect(await pages.purgeUnder('/')).toMatchObject({ purged: 2 });
    await store();
    expect(await pages.purgeMatching(/^\/x$/)).toMatchObject({ purged: 2 });
    await expect(pages.purge('https://c.example/x')).rejects.toThrow(
      new TypeError('https://c.example/x is not a page of this site: its hosts are a.example, b.example'),
    );
  });
});
