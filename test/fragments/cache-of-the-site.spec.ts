import type { IncomingMessage } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Header, Req } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PageCacheService, PageFragment, pageFragment } from '../../lib/index.js';
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
