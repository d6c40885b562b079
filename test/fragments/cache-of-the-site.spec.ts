import type { IncomingMessage, ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Header, Req } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PageCacheService, PageFragment, pageFragment } from '../../lib/index.js';
import type { RawResponse } from '../../lib/testing/index.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';

const HTML = 'text/html; charset=utf-8';
const IN_NGINX = FLAVOURS.filter(({ flavour }) => flavour !== undefined);

/** A controller of its own for each site: it counts. */
function controller() {
  @Controller()
  class GreetingController {
    version = 1;

    @Get('with/greeting')
    @Header('content-type', HTML)
    page() {
      return `<p>${pageFragment('greeting')} ${pageFragment('news')}</p>`;
    }

    @Get('plain')
    @Header('content-type', HTML)
    plain() {
      return `version ${this.version}`;
    }

    @PageFragment('greeting')
    @Header('content-type', HTML)
    greeting(@Req() { headers }: { headers: IncomingMessage['headers'] }) {
      return `Hello ${headers.cookie}`;
    }

    @PageFragment({ name: 'news', shared: true })
    @Header('content-type', HTML)
    news() {
      return `news ${this.version}`;
    }
  }
  return GreetingController;
}

describe.each(IN_NGINX)('beside a proxy_cache of the site for everything: $name', (flavour) => {
  const Greetings = controller();
  const directory = mkdtempSync(join(tmpdir(), 'proxy-cache-'));
  let site: FlavourSite;
  beforeAll(async () => {
    site = await startFlavour(
      flavour,
      'express',
      {
        ttl: 0,
        fragments: ['/with/*'],
        fragmentTimeout: 60_000,
        anonymousOnly: { sessionCookies: ['session'] },
        shared: ['/with/*'],
      },
      {
        controllers: [Greetings],
        own: {
          http: `proxy_cache_path ${directory} keys_zone=everything:1m;`,
          // Even against what the application says.
          server: 'proxy_cache everything; proxy_cache_valid any 10m; proxy_ignore_headers Cache-Control;',
        },
      },
    );
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const body = async (target: string, cookie: string) => (await site.get(target, { Cookie: cookie })).body.toString();

  it('each visitor gets their own fragments', async () => {
    const { outcome } = await site.twice('/with/greeting', { Cookie: 'name=Eve' });
    expect(outcome).toBe('stored');
    for (const cookie of ['name=Eve', 'name=Adam', 'session=1']) {
      expect(await body('/with/greeting', cookie)).toBe(`<p>Hello ${cookie} news 1</p>`);
    }
    await site.app.get(PageCacheService).purgeAll();
    for (const cookie of ['session=1', 'session=2', 'name=Adam']) {
      expect(await body('/with/greeting', cookie)).toBe(`<p>Hello ${cookie} news 1</p>`);
    }
  });

  it('a purged page, and a purged fragment, are gone', async () => {
    expect((await site.twice('/plain')).outcome).toBe('stored');
    await site.twice('/with/greeting', { Cookie: 'name=Eve' });
    expect(await site.log.outcome('/.page-fragment/shared/news')).toBe('stored');
    site.app.get(Greetings).version = 2;
    await site.app.get(PageCacheService).purge('/plain');
    await site.app.get(PageCacheService).purgeFragment('news');
    expect(await body('/plain', 'name=Eve')).toBe('version 2');
    expect(await body('/with/greeting', 'name=Eve')).toBe('<p>Hello name=Eve news 2</p>');
  });

  it('any cache between nginx and the application is told to keep no fragment', async () => {
    const [ask, at] = [{ 'X-Page-Fragment': '/with/greeting', Cookie: 'name=Eve' }, '/.page-fragment/'];
    for (const [name, status] of [
      ['greeting', 200],
      ['unknown', 502],
    ] as const) {
      const response = await fetch(`http://${site.host}${at}${name}`, { headers: ask });
      expect([response.status, response.headers.get('cache-control')]).toEqual([status, 'private, no-store']);
    }
  });
});

describe.each(IN_NGINX.filter(({ keepsFields }) => !keepsFields))('before a CDN: $name', (flavour) => {
  it('the fields of nginx.headers that let it keep pages do not go with fragments', async () => {
    const forCaches = { 'CDN-Cache-Control': 'max-age=600', 'Cloudflare-CDN-Cache-Control': 'max-age=600' };
    const headers = { ...forCaches, 'Cache-Control': 'public, max-age=60', 'X-Frame-Options': 'DENY' };
    await using site = await startFlavour(
      flavour,
      'express',
      { fragments: ['/with/*'], fragmentTimeout: 60_000, nginx: { flavour: flavour.flavour!, headers } },
      {
        controllers: [controller()],
        prepare: (app) => {
          app.use((_: unknown, response: ServerResponse, next: () => void) => {
            response.setHeaders(new Map(Object.entries(headers)));
            next();
          });
        },
      },
    );
    const cdn = { 'cdn-cache-control': null, 'cloudflare-cdn-cache-control': null };
    for (const [target, said] of [
      ['/plain', { ...lowerCased(headers) }],
      ['/with/greeting', { ...cdn, 'cache-control': 'private, no-cache', 'x-frame-options': 'DENY' }],
    ] as const) {
      const { first, second, outcome } = await site.twice(target);
      expect([target, outcome]).toEqual([target, 'stored']);
      for (const response of [first, second]) {
        const got = Object.fromEntries(Object.keys(said).map((name) => [name, fieldOf(response, name)]));
        expect([target, got]).toEqual([target, said]);
      }
      expect(fieldOf(second, 'cache-status')).toBe('nginx; hit');
    }
  });
});

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function fieldOf({ headers }: RawResponse, wanted: string): string | null {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? null;
}
