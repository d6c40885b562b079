import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Header, Req, Res } from '@nestjs/common';
import Negotiator from 'negotiator';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf, type NginxCacheOptions, PageCacheService, type Variant } from '../../lib/index.js';
import { checkOptions } from '../../lib/configuration/check-options.js';
import { PageKeys } from '../../lib/page/page-key.js';
import { allRules } from '../../lib/rules/request-rules.js';
import { compile } from '../../lib/rules/rule.js';
import { MemcachedServer, NginxServer, pageCacheMatchers } from '../../lib/testing/index.js';
import { field, RawPool } from '../page/raw-pool.js';
import { PLATFORMS } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';
import { fc, SEED } from '../support/random.js';

expect.extend(pageCacheMatchers);

const REQUESTS = 4000;

const BY_COOKIE: Variant = { name: 'lang', cookie: 'lang', values: ['en', 'de', 'de-ch'], default: 'en' };
const BY_FIELD: Variant = { name: 'mobile', header: 'Sec-CH-UA-Mobile', values: ['?0', '?1'], default: '?0' };
const BY_LANGUAGE: Variant = {
  name: 'speech',
  header: 'Accept-Language',
  values: ['en', 'de', 'de-ch', 'pt-BR'],
  default: 'en',
};

const space = fc.constantFrom('', '', '', ' ', '\t', '\xa0');
const oddly = (text: fc.Arbitrary<string>) =>
  fc.tuple(space, text, space).map(([before, inner, after]) => before + inner + after);
const cookiePair = fc
  .tuple(
    oddly(fc.constantFrom('lang', 'lang', 'lang', 'Lang', 'LANG', 'xlang', 'lang-', '_ga', 'lan', '')),
    fc.constantFrom('=', '=', '=', '', '=='),
    oddly(fc.constantFrom('en', 'de', 'de-ch', 'DE', 'fr', '"de"', 'de-', '', 'd%65', 'de,en', 'ende', '\xe4')),
  )
  .map((parts) => parts.join(''));
const oddCookie = fc
  .tuple(fc.array(cookiePair, { minLength: 1, maxLength: 3 }), fc.constantFrom('; ', ';', ' ; ', ';;', ', '))
  .map(([pairs, separator]) => `Cookie: ${pairs.join(separator)}`);
const cookie = fc.oneof(
  oddCookie,
  fc.constantFrom('Cookie: lang=de', 'Cookie: lang=de-ch;', 'Cookie: _ga=1; lang=de', 'Cookie: lang=en'),
);
const mobile = oddly(fc.constantFrom('?0', '?1', '?1', '1', 'true', '', '?2', '"?1"', '?1;x', '?1, ?0')).map(
  (value) => `Sec-CH-UA-Mobile: ${value}`,
);
const range = fc
  .tuple(
    oddly(
      fc.constantFrom(
        'en',
        'de',
        'DE',
        'de-ch',
        'de-CH',
        'de-CH-1996',
        'pt',
        'pt-BR',
        'pt-br',
        'fr',
        '*',
        '',
        'e',
        'eng',
        'x-de',
      ),
    ),
    fc.constantFrom('', '', ';q=0.5', ';q=1', ';q=0', ';q=0.0', '; q=0.8', ';Q=0', ';q=rubbish', ';level=1;q=0.1', ';'),
  )
  .map((parts) => parts.join(''));
const language = fc
  .array(range, { minLength: 1, maxLength: 4 })
  .map((ranges) => `Accept-Language: ${ranges.join(',')}`);
const sometimes = (line: fc.Arbitrary<string>) =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant<string[]>([]) },
    { weight: 4, arbitrary: line.map((one) => [one]) },
    { weight: 1, arbitrary: fc.tuple(line, line).map((both) => [...both]) },
  );
const request = fc
  .tuple(sometimes(cookie), sometimes(mobile), sometimes(language))
  .map((fields) => `GET /page HTTP/1.1\r\n${['Host: x', ...fields.flat()].join('\r\n')}\r\n\r\n`);

const SITES: Record<string, Omit<NginxCacheOptions, 'store'>> = {
  'everybody anonymous': { anonymousOnly: false },
  'any other cookie a session': {},
  'one session cookie': { anonymousOnly: { sessionCookies: ['sid'] } },
};

describe.each(Object.entries(SITES))('variants in nginx and in TypeScript, with %s', (_, site) => {
  let memcached: MemcachedServer;
  let nginx: NginxServer;
  let backend: Server;
  let options: NginxCacheOptions;
  const pools: RawPool[] = [];

  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    options = {
      ...site,
      variants: [BY_COOKIE, BY_FIELD, BY_LANGUAGE],
      store: memcachedStore({ servers: memcached.address }),
    };
    backend = createServer(({ headers }, response) => {
      response.setHeader('X-Arrived', encodeURIComponent(JSON.stringify(headers))).end();
    });
    await once(backend.listen(0, '127.0.0.1'), 'listening');
    const { port: app } = backend.address() as AddressInfo;
    nginx = await NginxServer.start(({ port, directory }) =>
      nginxConf({ ...options, hosts: 'any' }, { app: `127.0.0.1:${app}`, listen: port, directory }),
    );
    pools.push(new RawPool(nginx.port), new RawPool(app));
  });
  afterAll(async () => {
    for (const pool of pools) pool.close();
    backend?.closeAllConnections();
    backend?.close();
    await nginx?.stop();
    await memcached?.stop();
  });

  it('are the same', async () => {
    const checked = checkOptions(options);
    const rules = allRules(checked.rules).map((rule) => ({ reason: rule.reason, bypasses: compile(rule) }));
    const keys = new PageKeys(checked);
    const decision = (headers: IncomingMessage['headers']) => {
      const head = { method: 'GET', target: '/page', headers };
      const reasons = rules.filter(({ bypasses }) => bypasses(head)).map(({ reason }) => reason);
      return reasons.length > 0 ? `bypass ${reasons.join(' ')} ` : keys.of(head).key;
    };
    const requests = fc.sample(request, { numRuns: REQUESTS });
    const [viaNginx = [], viaNode = []] = await Promise.all(pools.map((pool) => pool.sendAll(requests)));
    const differences: string[] = [];
    const counts = new Map<string, number>();
    for (const [index, sent] of requests.entries()) {
      const [seen, alone] = [viaNginx[index]!, viaNode[index]!].map((answer) => field(answer, 'x-arrived'));
      if (seen === undefined || alone === undefined) {
        differences.push(`not answered: ${JSON.stringify(sent)}`);
        continue;
      }
      const arrived = JSON.parse(decodeURIComponent(seen)) as IncomingMessage['headers'];
      const nginxSays = String(arrived['x-page-cache-key']);
      counts.set(nginxSays, (counts.get(nginxSays) ?? 0) + 1);
      // The application, with what nginx has passed on, comes to the same key: or nothing could be stored.
      const there = decision(arrived);
      const repeated = /(Sec-CH|Accept-L)[^]*\1/.test(sent);
      // Of a repeated field, this nginx sees the first; it replaces it, but not where the request bypasses the cache.
      const bothBypass = repeated && [nginxSays, there].every((one) => one.startsWith('bypass'));
      if (!bothBypass && nginxSays.trim() !== there.trim()) {
        differences.push([sent, nginxSays, there].map((one) => JSON.stringify(one)).join('\n'));
      }
      // And so it does without nginx.
      const direct = decision(JSON.parse(decodeURIComponent(alone)) as IncomingMessage['headers']);
      if (!repeated && nginxSays.trim() !== direct.trim()) {
        differences.push(`direct: ${[sent, nginxSays, direct].map((one) => JSON.stringify(one)).join('\n')}`);
      }
    }
    expect(differences.slice(0, 5), `seed ${SEED}, ${differences.length} in all`).toEqual([]);
    const number = (pattern: RegExp) =>
      [...counts].filter(([key]) => pattern.test(key)).reduce((sum, [, count]) => sum + count, 0);
    for (const pattern of [/lang=de;/, /mobile=\?1/, /speech=de\//, /speech=de-ch/, /speech=pt-BR/, /^bypass/]) {
      expect(number(pattern), String(pattern)).toBeGreaterThan(20);
    }
  });
});

const HTML = 'text/html; charset=utf-8';

@Controller()
class SpeakingController {
  @Get(['page', 'other'])
  @Header('content-type', HTML)
  page(@Req() wrapped: IncomingMessage) {
    const { headers } = raw(wrapped);
    // As cookie parsers and i18n modules do, with the languages that this application speaks.
    const lang = /(?:^|;)[\s\xa0]*lang=([^;\s]*)/.exec(headers.cookie ?? '')?.[1] ?? 'en';
    const language = new Negotiator({ headers }).language(['en', 'de', 'de-ch', 'pt-BR']) ?? 'en';
    return `<p>${lang} ${String(headers['sec-ch-ua-mobile'] ?? '?0')} ${language}</p>`;
  }

  @Get('announced')
  @Header('content-type', HTML)
  @Header('vary', 'Sec-CH-UA-Mobile, accept-language')
  announced() {
    return 'announced';
  }

  @Get('says/:language')
  says(@Req() { params }: { params: { language: string } }, @Res({ passthrough: true }) reply: Reply) {
    reply.header('content-type', HTML).header('content-language', params.language);
    return params.language;
  }
}

interface Reply {
  header(name: string, value: string): Reply;
}

describe.each(PLATFORMS)('variants on %s', (platform) => {
  let site: Site;
  let pages: PageCacheService;
  const settle = async () => {
    while (site.log.outcomes.size === 0) await new Promise(setImmediate);
  };

  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [SpeakingController],
      options: {
        variants: [BY_COOKIE, BY_FIELD, BY_LANGUAGE],
        anonymousOnly: { sessionCookies: ['sid'] },
        excuseHeaders: ['content-language'],
      },
    });
    pages = site.app.get(PageCacheService);
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  const VISITORS: [headers: Record<string, string>, page: string][] = [
    [{}, 'en ?0 en'],
    [{ cookie: 'lang=de' }, 'de ?0 en'],
    [{ cookie: 'other=1; lang=de-ch' }, 'de-ch ?0 en'],
    [{ 'sec-ch-ua-mobile': '?1' }, 'en ?1 en'],
    [{ 'accept-language': 'de-AT,de;q=0.9,en;q=0.8' }, 'en ?0 de'],
    [{ 'accept-language': 'fr, de-CH;q=0.5' }, 'en ?0 de-ch'],
    [{ 'accept-language': 'pt-br' }, 'en ?0 pt-BR'],
    [{ cookie: 'lang=de', 'sec-ch-ua-mobile': '?1', 'accept-language': 'de' }, 'de ?1 de'],
  ];

  it('each value has its page', async () => {
    for (const [headers, page] of VISITORS) {
      site.log.forget();
      expect((await site.get('/page', { headers })).body.toString()).toBe(`<p>${page}</p>`);
      await settle();
      expect(await site.log.outcome('/page')).toBe('stored');
    }
    for (const [headers, page] of VISITORS.toReversed()) {
      const hit = await site.get('/page', { headers });
      expect(hit).toBePageCacheHit();
      expect(hit.body.toString()).toBe(`<p>${page}</p>`);
      // A browser's own cache, and a CDN, must know as much.
      expect(hit.headers.get('vary')?.toLowerCase()).toContain('cookie, sec-ch-ua-mobile, accept-language');
    }
    expect((await keysOf('/page')).length).toBe(VISITORS.length);
  });

  it.each([
    { cookie: 'lang=fr' },
    { cookie: 'lang=DE' },
    { cookie: 'lang="de"' },
    { cookie: 'lang=' },
    { cookie: 'lang' },
    { cookie: 'lang=en; lang=de' },
    { cookie: 'lang=de;lang=de' },
    { cookie: 'lang=de-' },
    { cookie: '\xa0lang=de; lang=en' },
    { 'sec-ch-ua-mobile': '1' },
    { 'sec-ch-ua-mobile': '?2' },
    { 'sec-ch-ua-mobile': '?1, ?1' },
  ])('no page for %j', async (headers) => {
    for (const ask of [site.get, site.direct]) {
      const answer = await ask('/page', { headers: headers as Record<string, string> });
      expect(answer).toBypassPageCache(`variant-${'cookie' in headers ? 'lang' : 'mobile'}`);
    }
    expect(await keysOf('/page')).toEqual([]);
  });

  it('of a language that is refused (q=0) nobody gets a page', async () => {
    const answer = await site.get('/page', { headers: { 'accept-language': 'de;q=0, pt-BR;q=0.1' } });
    expect(answer.body.toString()).toBe('<p>en ?0 pt-BR</p>');
  });

  it.each([
    'de;q=0.5, en',
    'en;q=0.1,de-CH',
    'fr, en;q=0.3, pt-BR;q=0.4',
    'de;q=0.2, de-ch;q=0.9, en;q=0.5',
    'de-AT;q=1, de;q=0.1, en;q=0.9',
    'pt',
  ])('without nginx no page is stored under a language that the application did not choose: %s', async (field_) => {
    const headers = { 'accept-language': field_ };
    const direct = await site.direct('/page', { headers });
    const chosen = new Negotiator({ headers }).language(['en', 'de', 'de-ch', 'pt-BR']);
    expect(direct.body.toString()).toBe(`<p>en ?0 ${chosen}</p>`);
    expect(direct).toBypassPageCache('variant-speech');
    expect(await keysOf('/page')).toEqual([]);
    // With nginx, which tells the application what it has chosen, key and page are of one language.
    await site.get('/page', { headers });
    await settle();
    for (const key of await keysOf('/page')) {
      const speech = /speech=([\w-]+)/.exec(key)?.[1];
      expect(await site.memcached.send(`get ${key}`)).toContain(`?0 ${speech}</p>`);
    }
  });

  it.each([
    ['de-CH', '/says/de', 'stored'],
    ['de', '/says/de-AT', 'stored'],
    ['en', '/says/fr', 'variant-speech'],
    ['de', '/says/en', 'variant-speech'],
    ['en', '/says/eng', 'variant-speech'],
  ])('asked for %s, the answer of %s by its Content-Language is %s', async (field_, target, outcome) => {
    await site.get(target, { headers: { 'accept-language': field_ } });
    expect(await site.log.outcome(target)).toBe(outcome);
  });

  it('a declared field may stand in Vary', async () => {
    await site.get('/announced');
    expect(await site.log.outcome('/announced')).toBe('stored');
  });

  it('publish makes all, keysFor lists all, purge takes all', async () => {
    const number = 3 * 2 * 4;
    expect(await pages.publish('/page')).toMatchObject({ published: ['/page'], skipped: [], purged: [] });
    const keys = await keysOf('/page');
    expect(keys.length).toBe(number);
    expect(pages.keysFor('/page').toSorted()).toEqual(keys.toSorted());
    for (const key of keys) {
      const [, lang, mobile, speech] = /lang=([^;]+);mobile=([^;]+);speech=([^/]+)/.exec(key) ?? [];
      expect(await site.memcached.send(`get ${key}`)).toContain(`<p>${lang} ${mobile} ${speech}</p>`);
    }
    for (const [headers, page] of VISITORS) {
      const hit = await site.get('/page', { headers });
      expect(hit).toBePageCacheHit();
      expect(hit.body.toString()).toBe(`<p>${page}</p>`);
    }
    await pages.publish('/other');
    expect((await pages.purge('/page')).purged).toBe(number);
    expect(await keysOf('/page')).toEqual([]);
    expect((await keysOf('/other')).length).toBe(number);
    expect((await pages.purgeUnder('/other')).purged).toBe(number);
  });

  const keysOf = async (path: string) => (await site.memcached.keys()).filter((key) => key.endsWith(path));
});

it.each([
  [[BY_COOKIE, { ...BY_FIELD, name: 'lang' }], /different names/],
  [[BY_COOKIE, { ...BY_COOKIE, name: 'other' }], /different cookies/],
  [[BY_LANGUAGE, { ...BY_LANGUAGE, name: 'other', header: 'accept-language' }], /different cookies and header fields/],
])('variants %# are refused', (variants, message) => {
  expect(() => checkOptions({ variants })).toThrow(message);
});
