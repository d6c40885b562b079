import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COPY_MARK } from '../../lib/page/copy-key.js';
import { LEASE } from '../../lib/page/page-file.js';
import { PageCacheService } from '../../lib/index.js';
import type { RawResponse } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';
import { escaped, EVIL, FAILING, FragmentPagesController, userBar } from '../support/fragment-pages.controller.js';
import { fc, generator, SEED } from '../support/random.js';
import { answer } from '../support/site.js';

const FALLBACK = '<a href="/login">Sign in</a>';
const SAFE_FALLBACK = `<em>${EVIL.replaceAll('<!--#', '<!-- #')}</em>`;
const home = (name?: string) => `<h1>Hömé</h1>${userBar(name) || FALLBACK}<p>${EVIL}</p>`;
/** What stands for the stored page, and for nobody's. */
const OF_STORED = ['etag', 'last-modified', 'accept-ranges', 'content-range', 'age', 'x-srcache-allow-ranges'];
const NAMES = ['Eve', 'Adam', "O'Neil", undefined];

/** nginx sees nothing of the platform, so each flavour has one of both. */
const SITES = FLAVOURS.filter(({ flavour }) => flavour !== undefined).map((flavour, index) => {
  const platform = PLATFORMS[index % PLATFORMS.length]!;
  return { flavour, platform, title: `${flavour.name} on ${platform}` };
});

/** Ends pages before their time. Their copies stay. */
async function endPages({ memcached, root }: FlavourSite): Promise<void> {
  for (const key of await memcached.keys()) if (!key.includes(COPY_MARK)) await memcached.send(`delete ${key}`);
  for (const site of readdirSync(root)) {
    for (const name of readdirSync(join(root, site))) if (name.startsWith(LEASE)) rmSync(join(root, site, name));
  }
}

describe.each(SITES)('nginx fills fragments in: $title', ({ flavour, platform }) => {
  let site: FlavourSite;
  beforeAll(async () => {
    site = await startFlavour(
      flavour,
      platform,
      {
        fragments: ['/with/*'],
        fragmentTimeout: 3000,
        staleIfError: 3_600_000,
        anonymousOnly: { sessionCookies: ['session'] },
        shared: ['/with/shared/*'],
      },
      { controllers: [FragmentPagesController] },
    );
    FragmentPagesController.calls.clear();
  });
  afterAll(() => site[Symbol.asyncDispose]());

  const fields = (name?: string): Record<string, string> => (name === undefined ? {} : { Cookie: `name=${name}` });
  const text = ({ body }: RawResponse) => body.toString();
  const said = ({ headers }: RawResponse, name: string) =>
    headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
  /** The page from the cache. */
  const hit = async (target: string, name?: string): Promise<RawResponse> => {
    const { second, outcome } = await site.twice(target, fields(name));
    expect([target, outcome]).toEqual([target, expect.stringMatching(/^(?:stored|nginx; hit)$/)]);
    expect([target, said(second, 'cache-status')]).toEqual([target, ['nginx; hit']]);
    return second;
  };

  it('each visitor gets his own, and nobody renders the page again', async () => {
    expect(text(await hit('/with/home', 'Eve'))).toBe(home('Eve'));
    const random = generator();
    const count = (handler: string) => FragmentPagesController.calls.get(handler) ?? 0;
    const [pages, bars] = [count('home'), count('user-bar')];
    let misses = 0;
    const requests = 600;
    for (let index = 0; index < requests; index += 1) {
      const name = NAMES[Math.floor(random() * NAMES.length)];
      const { body, status } = await answer(`${site.nginx!.url}/with/home`, {
        headers: name === undefined ? {} : { cookie: `name=${name}` },
      });
      expect(body.toString(), `seed ${SEED}`).toBe(home(name));
      if (status !== 'nginx; hit') misses += 1;
    }
    expect(count('home') - pages).toBe(misses);
    expect(count('user-bar') - bars).toBe(requests);
  });

  it('a visitor with a session gets his own in a shared page, on a miss and on a hit', async () => {
    const ask = (name: string) => site.get('/with/shared/home', { Cookie: `session=1; name=${name}` });
    expect(text(await ask('Eve'))).toBe(home('Eve'));
    expect(await site.log.outcome('/with/shared/home')).toBe('stored');
    for (const name of ['Eve', 'Adam']) {
      const page = await ask(name);
      expect([said(page, 'cache-status'), text(page)]).toEqual([['nginx; hit'], home(name)]);
    }
  });

  it('executes nothing of what stands in a page, in a fragment, in a fallback or in a request', async () => {
    expect(text(await hit('/with/plain'))).toBe(`<h1>plain</h1>${EVIL}<!--`);
    expect(text(await hit('/with/everything/evil'))).toBe(`before ${EVIL} after`);
    expect(text(await hit('/with/everything/outer', 'Eve'))).toBe(`before [${EVIL}${userBar('Eve')}] after`);
    expect(text(await hit('/with/everything/endless'))).toBe('before (((((end))))) after');
    const query = `/with/post/1?utm_source=${encodeURIComponent('<!--#echo var="http_cookie" -->')}"<!--#`;
    await hit('/with/post/1');
    const odd = `"-->\r\n../$http_cookie&<!--#`;
    const answered = await site.get(query, { Cookie: 'name=Eve', 'X-Odd': '<!--#echo var="http_cookie" -->' });
    expect(text(answered)).toBe(`<i>${escaped(JSON.stringify([{ id: '1', odd }, query]))}</i>`);
  });

  it.each(FAILING)('puts the fallback in the place of a fragment that fails: %s', async (way) => {
    expect(text(await hit(`/with/everything/${way}`))).toBe(`before ${SAFE_FALLBACK} after`);
  });

  it('asks guards as ever, and drops cookies of fragments', async () => {
    expect(text(await hit('/with/everything/guarded', 'Eve'))).toBe('before let in after');
    const page = await hit('/with/everything/sets-cookie');
    expect(text(page)).toBe('before with a cookie after');
    expect(said(page, 'set-cookie')).toEqual([]);
  });

  it('says that the page is one visitor’s, whole, and packs it for who takes gzip', async () => {
    await hit('/with/home');
    for (const method of ['GET', 'HEAD']) {
      const page = await site.get('/with/home', { Range: 'bytes=0-3', 'Accept-Encoding': 'gzip' }, method);
      expect(page.status).toBe(200);
      expect(said(page, 'cache-control')).toEqual(['private, no-cache']);
      expect(said(page, 'content-type')).toEqual(['text/html; charset=utf-8']);
      expect(said(page, 'date')).toHaveLength(1);
      for (const name of OF_STORED) expect([name, said(page, name)]).toEqual([name, []]);
      if (method === 'HEAD') expect(page.body.length).toBe(0);
    }
    const filler = 'a<b '.repeat(500);
    FragmentPagesController.contents[0] = { before: filler, param: EVIL, after: '' };
    await hit('/with/any/0');
    const packed = await site.get('/with/any/0', { 'Accept-Encoding': 'gzip' });
    expect(said(packed, 'content-encoding')).toEqual(['gzip']);
    expect(said(packed, 'vary').join()).toMatch(/accept-encoding/i);
    expect(gunzipSync(packed.body).toString()).toBe(`${filler}${EVIL}`);
  });

  it('never says that what a visitor has is still good', async () => {
    const begin = Math.floor(Date.now() / 1000);
    await hit('/with/post/2');
    const stored = await site.app.get(PageCacheService).get('/with/post/2');
    expect(stored?.headers.map(([name]) => name.toLowerCase())).not.toContain('date');
    // The date of the file is one of these.
    for (let second = begin; second <= Date.now() / 1000; second += 1) {
      const date = new Date(second * 1000).toUTCString();
      const page = await site.get('/with/post/2', { 'If-Modified-Since': date, Cookie: 'name=Eve' });
      expect([page.status, text(page)]).toEqual([200, expect.stringContaining('/with/post/2')]);
    }
  });

  it.each([404, 301])('also in a page of another status, where the flavour keeps that: %i', async (status) => {
    const { outcome, second } = await site.twice(`/with/status/${status}`, fields('Eve'));
    expect(outcome).toBe(flavour.statuses.includes(status) ? 'stored' : `status-${status}`);
    expect([second.status, text(second)]).toEqual([status, `before ${userBar('Eve')} after`]);
    expect(said(second, 'location')).toEqual(['/elsewhere']);
    if (outcome === 'stored') expect(said(second, 'cache-status')).toEqual(['nginx; hit']);
  });

  it('stores no page with a fragment on another path, and leaves all other pages as they are', async () => {
    const { outcome, second } = await site.twice('/undeclared', fields('Eve'));
    expect([outcome, text(second)]).toEqual(['fragment', home('Eve')]);
    const value = await hit('/value');
    expect(said(value, 'cache-control')).toEqual([]);
  });

  it.each([
    '/.page-fragment/user-bar',
    '/.page-fragment/user-bar?id=1',
    '//.page-fragment/user-bar',
    '/%2Epage-fragment/user-bar',
    '/%2epage-fragment%2fuser-bar',
    '/.page-fragment//user-bar',
    '/.page-fragment/user-bar/',
    '/.PAGE-FRAGMENT/USER-BAR',
    '/x/../.page-fragment/user-bar',
    '/./.page-fragment/user-bar',
    'http://other.example/.page-fragment/user-bar',
  ])('answers 404 to who asks for a fragment himself: %s', async (target) => {
    for (const method of ['GET', 'HEAD']) {
      const more = { 'X-Page-Fragment': '/', 'X-Original-URL': '/.page-fragment/user-bar', ...fields('Eve') };
      const { status, body } = await site.get(target, more, method);
      expect([method, status]).toEqual([method, 404]);
      expect(body.toString()).not.toContain('Eve');
    }
  });

  it('takes what would ask for a fragment out of every request', async () => {
    for (const more of [{}, { Cookie: 'session=1' }]) {
      const seen = await site.get('/sees', { ...more, 'X-Page-Fragment': '/with/home' });
      expect(JSON.parse(text(seen))).not.toHaveProperty('x-page-fragment');
    }
  });

  it('gives the same bytes as the application, whatever stands in the page', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '<',
        '<!',
        '<!-',
        '<!--',
        '<!--#',
        '#',
        '-->',
        '"',
        "'",
        '\\',
        '$',
        '$http_cookie',
        'echo ',
        'var=',
      ),
      fc.constantFrom('<!--#include virtual="/sees" -->', '<!--#endblock -->', '\r\n', '%', '?', '..', '/', 'ö'),
      fc.string({ unit: 'binary', maxLength: 5 }).map((one) => Buffer.from(one).toString()),
    );
    const html = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    // Larger than what nginx reads at once, too.
    const times = fc.constantFrom(1, 1, 1, 1000, 4000);
    const any = fc.tuple(html, html, html, times).map(([before, param, after, count]) => ({
      before: before.repeat(Math.min(count, Math.floor(40_000 / Math.max(1, before.length)))),
      param: param.slice(0, 60),
      after: after.repeat(Math.min(count, Math.floor(40_000 / Math.max(1, after.length)))),
    }));
    let index = 0;
    await fc.assert(
      fc.asyncProperty(any, async (content) => {
        fc.pre(Buffer.from(content.param).toString() === content.param && content.param !== '');
        index += 1;
        FragmentPagesController.contents[index] = content;
        const { first, second, outcome } = await site.twice(`/with/any/${index}`);
        expect(outcome).toBe('stored');
        const expected = `${content.before}${content.param}${content.after}`;
        expect([text(first) === expected, text(second) === expected], JSON.stringify(content)).toEqual([true, true]);
      }),
      { numRuns: 60 },
    );
  });

  it('answers with fallbacks while the application is down, and with a copy once the page has ended', async () => {
    await hit('/with/home', 'Eve');
    await site.app.close();
    const down = await site.get('/with/home', fields('Eve'));
    // In files, a page ends within seconds when no process vouches for it.
    expect(said(down, 'cache-status').join()).toMatch(/^nginx; (?:hit|fwd=stale)/);
    expect(text(down)).toBe(home());
    await endPages(site);
    const copy = await site.get('/with/home', fields('Eve'));
    expect(said(copy, 'cache-status').join()).toMatch(/^nginx; fwd=stale/);
    expect([said(copy, 'cache-control'), text(copy)]).toEqual([['private, no-cache'], home()]);
    for (const name of OF_STORED) expect([name, said(copy, name)]).toEqual([name, []]);
  });
});
