import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCacheService, PageFragment, type PageInfo } from '../../lib/index.js';
import { sharedAddress } from '../../lib/fragments/fragment-address.js';
import type { RawResponse } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';
import { EVIL } from '../support/fragment-pages.controller.js';
import { SharedFragmentsController } from '../support/shared-fragments.controller.js';

const NEWS = '/.page-fragment/shared/news';

const SITES = FLAVOURS.flatMap((flavour) =>
  PLATFORMS.map((platform) => ({ flavour, platform, title: `${flavour.name} on ${platform}` })),
);

it('a fragment that is shared says how it is stored, and no other does', () => {
  for (const wrong of [
    { name: 'a', shared: false },
    { name: 'a' },
    { name: 'a b', shared: true },
    'a b',
    { shared: true },
  ]) {
    expect(() => PageFragment(wrong as never), JSON.stringify(wrong)).toThrow(/@PageFragment/);
  }
  expect(() => PageFragment({ name: 'a', shared: true, ttl: -1 })).toThrow(/@PageFragment\.ttl/);
});

describe.each(SITES)('fragments that are the same for everybody: $title', ({ flavour, platform }) => {
  let site: FlavourSite;
  let pages: PageCacheService;
  const { calls } = SharedFragmentsController;

  beforeAll(async () => {
    site = await startFlavour(
      flavour,
      platform,
      {
        ttl: 0,
        fragments: ['/with/*'],
        fragmentTimeout: 60_000,
        anonymousOnly: { sessionCookies: ['session'] },
        shared: ['/with/fragment/*', '/.page-fragment/*'],
        include: ['/with/*', '/undeclared/*'],
        statuses: [...flavour.statuses],
      },
      { controllers: [SharedFragmentsController] },
    );
    pages = site.app.get(PageCacheService);
  });
  afterAll(() => site[Symbol.asyncDispose]());
  beforeEach(async () => {
    await pages.purgeAll();
    site.log.forget();
    calls.clear();
    SharedFragmentsController.version = 1;
  });

  const text = ({ body }: RawResponse) => body.toString();
  const status = ({ headers }: RawResponse) =>
    headers.filter(([name]) => name.toLowerCase() === 'cache-status').map(([, value]) => value);
  const news = (version: number, call: number) => `<b>news ${version}, ${call}, nobody</b>${EVIL}`;
  const listed = async (under = '/') => {
    const all: PageInfo[] = [];
    for await (const page of pages.pages({ under })) all.push(page);
    return all;
  };
  const cookies = { Cookie: 'name=Eve' };
  /** The page from the cache. */
  const hit = async (target: string, more: Record<string, string> = cookies): Promise<string> => {
    const { first, second, outcome } = await site.twice(target, more);
    expect([target, outcome]).toEqual([target, outcome === site.hit ? site.hit : 'stored']);
    expect([target, status(second)]).toEqual([target, [site.hit]]);
    expect([target, text(first)]).toEqual([target, text(second)]);
    return text(second);
  };

  it('are rendered once, for nobody, in all pages, for visitors with a session too', async () => {
    for (const target of ['/with/fragment/news', '/with/fragment/news?page=2']) {
      const page = target.includes('=') ? '2' : '';
      expect(await hit(target)).toBe(`<p>${page}${news(1, 1)}</p>`);
      expect(await hit(target, { Cookie: 'session=1; name=Adam' })).toBe(`<p>${page}${news(1, 1)}</p>`);
      await site.log.outcome(NEWS);
    }
    expect(await site.log.outcome(NEWS)).toBe('stored');
    expect(calls.get('news')).toBe(1);
    expect(text(await site.get('/undeclared/news'))).toBe(`<p>${news(1, 1)}</p>`);
  });

  it('go with their tag, and no page does', async () => {
    await hit('/with/fragment/news');
    await site.log.outcome(NEWS);
    SharedFragmentsController.version = 2;
    expect((await pages.purgeTags('news')).purged).toBe(1);
    const after = await site.get('/with/fragment/news');
    expect([status(after), text(after)]).toEqual([[site.hit], `<p>${news(2, 2)}</p>`]);
    expect(calls.get('page news')).toBe(1);
  });

  it('go by name and parameters', async () => {
    await hit('/with/params/a');
    const odd = (one: string) => `${one}/../?&=,:%"-->\r\nö$uri<!--#`;
    const shown = (one: string, call: number) => `<i>${JSON.stringify([odd(one), '2', ''])} ${call}</i>`;
    const address = (one: string) => sharedAddress({ name: 'shows', query: `b=2&odd=${encodeURIComponent(odd(one))}` });
    expect(await site.log.outcome(address('a'))).toBe('stored');
    // Both places ask for the same.
    expect(await hit('/with/params/a')).toBe(`[${shown('a', 1)}|${shown('a', 1)}]`);
    await hit('/with/params/b');
    await site.log.outcome(address('b'));
    expect((await pages.purgeFragment('shows', { b: 2, odd: odd('a') })).purged).toBe(1);
    expect(await hit('/with/params/b')).toBe(`[${shown('b', 2)}|${shown('b', 2)}]`);
    site.log.forget();
    await hit('/with/params/a');
    expect(await site.log.outcome(address('a'))).toBe('stored');
    expect((await pages.purgeFragment('shows')).purged).toBe(2);
    expect((await pages.purgeFragment('show')).purged).toBe(0);
  });

  it('have a ttl, tags and an address of their own', async () => {
    await hit('/with/params/c');
    await expect.poll(async () => (await listed()).length).toBe(2);
    const [fragment] = await listed('/.page-fragment');
    expect(fragment).toMatchObject({ path: expect.stringMatching(/^\/\.page-fragment\/shared\/shows\/b:2,odd:/) });
    expect((await pages.purgeTags('shows:2')).purged).toBe(1);
  });

  it('contain others, shared or not, and nothing in them is executed', async () => {
    const page = (inner: number) => `<p>(inner ${inner}<u>name=Eve</u>none${EVIL})</p>`;
    expect(await hit('/with/fragment/outer')).toBe(page(1));
    await site.log.outcome('/.page-fragment/shared/outer');
    await site.log.outcome('/.page-fragment/shared/inner');
    expect(text(await site.get('/with/fragment/outer', { Cookie: 'name=Adam' }))).toBe(page(1).replace('Eve', 'Adam'));
    expect((await pages.purgeTags('inner')).purged).toBe(1);
    expect(await hit('/with/fragment/outer')).toBe(page(2));
    expect(calls.get('outer')).toBe(1);
    expect(text(await site.get('/with/fragment/endless'))).toMatch(/^<p>\.+<\/p>$/);
  });

  it('that cannot be stored are made for each visitor; those that fail leave the fallback', async () => {
    expect(await hit('/with/fragment/sets-cookie')).toBe('<p>made for name=Eve</p>');
    for (const name of ['throws', 'json', 'created', 'missing', 'unknown']) {
      expect([name, await hit(`/with/fragment/${name}`)]).toEqual([name, '<p><em>fallback</em></p>']);
    }
  });

  it('answer 404 to who asks for one himself, stored or not', async () => {
    const targets = [
      NEWS,
      `${NEWS}/`,
      `${NEWS}?a=1`,
      '/.page-fragment/news',
      '//.page-fragment/shared/news',
      '/%2Epage-fragment/shared/news',
      '/.page-fragment/shared%2Fnews',
      '/.PAGE-FRAGMENT/shared/news',
      '/x/../.page-fragment/shared/news',
    ];
    for (const isStored of [false, true]) {
      if (isStored) await hit('/with/fragment/news');
      if (isStored) await site.log.outcome(NEWS);
      for (const target of targets) {
        for (const more of [{}, { Cookie: 'session=1' }]) {
          const answer = await site.get(target, { ...more, 'X-Page-Fragment': '/' });
          expect([target, isStored, answer.status]).toEqual([target, isStored, 404]);
          expect(text(answer)).not.toContain('news 1');
        }
      }
      expect(calls.get('news')).toBe(isStored ? 1 : undefined);
    }
  });

  it.runIf(flavour.flavour)('come from the store while the application is down', async () => {
    await hit('/with/fragment/news');
    await site.log.outcome(NEWS);
    await site.app.close();
    const down = await site.get('/with/fragment/news');
    expect([status(down), text(down)]).toEqual([['nginx; hit'], `<p>${news(1, 1)}</p>`]);
  });
});
