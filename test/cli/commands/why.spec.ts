import { stripVTControlCharacters } from 'node:util';
import { type CanActivate, Controller, Get, Header, Query, Redirect, Req, Res, Sse, UseGuards } from '@nestjs/common';
import { EMPTY } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asking } from '../../../lib/operations/ask.js';
import { explain } from '../../../lib/operations/why/explain.js';
import { CurrentPage, NoPageCache, PageCache, PageCacheService, type PageDraft } from '../../../lib/index.js';
import type { CheckedOptions } from '../../../lib/options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../../../lib/options/tokens.js';
import { PageKeys } from '../../../lib/page/page-key.js';
import { type Site, startSite } from '../../support/site.js';
import { directoryWith, runCommand } from '../support/run-command.js';

const HTML = 'text/html; charset=utf-8';

class Everybody implements CanActivate {
  canActivate = () => true;
}

interface Reply {
  status(code: number): Reply;
  type(type: string): Reply;
  set(name: string, value: string): Reply;
  send(text: string): void;
}

@Controller()
class PagesController {
  @Get('page')
  @Header('content-type', HTML)
  page() {
    return '<p>';
  }

  /** A header that keeps its page out. */
  @Get('with')
  with(@Query('name') name: string, @Query('value') value: string, @Res() reply: Reply) {
    reply.type(HTML).set(name, value).send('<p>');
  }

  @Get('status')
  status(@Res() reply: Reply) {
    reply.status(404).type(HTML).send('<p>');
  }

  @Get('json')
  json() {
    return { a: 1 };
  }

  @Get('empty')
  @Header('content-type', HTML)
  empty() {
    return '';
  }

  @Get('large')
  @Header('content-type', HTML)
  large() {
    return 'x'.repeat(20_000);
  }

  @Get('agent')
  @Header('content-type', HTML)
  agent(@Req() request: { headers: Record<string, string> }) {
    return `<p>${request.headers['user-agent']}`;
  }

  @Get('user')
  @Header('content-type', HTML)
  user(@Req() request: { user?: unknown }) {
    request.user = { id: 1 };
    return '<p>';
  }

  @Get('draft')
  @Header('content-type', HTML)
  draft(@CurrentPage() page: PageDraft) {
    page.skip('draft');
    return '<p>';
  }

  @Get('guarded')
  @UseGuards(Everybody)
  @Header('content-type', HTML)
  guarded() {
    return '<p>';
  }

  @Get('never')
  @NoPageCache()
  never() {
    return '<p>';
  }

  @Get('if')
  @PageCache({ skipIf: () => true })
  @Header('content-type', HTML)
  if() {
    return '<p>';
  }

  @Get('away')
  @Redirect('/page')
  away() {}

  @Sse('events')
  events() {
    return EMPTY;
  }

  @Get('admin/users')
  @Header('content-type', HTML)
  admin() {
    return '<p>';
  }
}

let site: Site;

beforeAll(async () => {
  const options = {
    hosts: ['127.0.0.1'],
    exclude: ['/admin/*'],
    query: { allow: ['name', 'value'] },
    requestFields: { bypass: ['X-Beta'] },
    maxPageBytes: 10_000,
  };
  site = await startSite({ platform: 'express', controllers: [PagesController], options, logger: false });
});

afterAll(() => site.stop());

/** What the command finds out, without its process. */
async function why(target: string, fields: Record<string, string> = {}) {
  const { rules } = site.app.get<CheckedOptions>(PAGE_CACHE_OPTIONS, { strict: false });
  const ask = asking(new URL(site.nginx.url), new AbortController().signal);
  const head = { method: 'GET', target, headers: { host: new URL(site.nginx.url).host, ...fields } };
  return explain({ rules, keys: site.app.get(PageKeys), ask }, head);
}

const AFTER_THE_REQUEST: readonly [reason: string, target: string][] = [
  ['set-cookie', '/with?name=set-cookie&value=a=b'],
  ['no-store', '/with?name=cache-control&value=no-store'],
  ['private', '/with?name=cache-control&value=private'],
  ['no-cache', '/with?name=cache-control&value=no-cache'],
  ['stale', '/with?name=cache-control&value=max-age=0'],
  ['vary', '/with?name=vary&value=User-Agent'],
  ['x-accel', '/with?name=x-accel-buffering&value=no'],
  ['csrf-token', '/with?name=x-csrf-token&value=abc'],
  ['nonce', '/with?name=content-security-policy&value=script-src%20%27nonce-abc%27'],
  ['header-content-security-policy', '/with?name=content-security-policy&value=default-src%20x'],
  ['content-encoding', '/with?name=content-encoding&value=odd'],
  ['status-404', '/status'],
  ['status-302', '/away'],
  ['content-type', '/json'],
  ['empty', '/empty'],
  ['size', '/large'],
  ['reads-user-agent', '/agent'],
  ['user', '/user'],
  ['draft', '/draft'],
  ['guarded', '/guarded'],
  ['no-page-cache', '/never'],
  ['skip-if', '/if'],
  ['event-stream', '/events'],
  ['no-handler', '/nothing'],
];

const BY_THE_REQUEST: readonly [reason: string, target: string, fields: Record<string, string>][] = [
  ['cookie', '/page', { cookie: 'sid=1' }],
  ['authorization', '/page', { authorization: 'Basic eDp5' }],
  ['credentials', '/page', { 'x-api-key': '1' }],
  ['partial', '/page', { 'hx-request': 'true' }],
  ['request-field', '/page', { 'x-beta': '1' }],
  ['query', '/page?other=1', {}],
  ['alias', '/page/', {}],
  ['excluded', '/admin/users', {}],
  ['host', '/page', { host: 'other.example' }],
  ['conditional', '/agent', { 'if-match': '"a"' }],
  ['range', '/agent', { range: 'bytes=0-1' }],
];

describe('nginx-cache why, of a running site', () => {
  // Where memcached is late, that is the reason, for a moment.
  it.each(AFTER_THE_REQUEST)('%s: %s', async (reason, target) => {
    await expect.poll(async () => (await why(target)).outcome).toBe(reason);
  });

  it.each(BY_THE_REQUEST)('%s: %s with %o', async (reason, target, fields) => {
    await expect.poll(async () => (await why(target, fields)).outcome).toBe(reason);
  });

  it('shows what is stored, since when a page is one', async () => {
    using directory = directoryWith({
      'nginx-cache.config.mjs': `
        import { memcachedStore } from 'nestjs-nginx-cache';
        export default { hosts: ['127.0.0.1'], store: memcachedStore({ servers: '${site.memcached.address}' }) };`,
    });
    const run = (...args: string[]) => runCommand(['why', `${site.nginx.url}/page`, ...args], { cwd: directory.path });
    await expect.poll(async () => (await run()).stdout).toContain('/page is cached (nginx hit)');
    const cached = await run();
    expect(cached.code).toBe(0);
    expect(cached.stdout).toMatch(/key {9}page:127\.0\.0\.1\/page\n {2}stored {6}\d+ bytes, until \d{4}-.*Z \(in \d/);
    expect(cached.stdout).toContain('somebody has read it, so memcached has forgotten since when');
    // The first answer stores the page, and the second one reads it.
    const anew = async () => {
      await site.app.get(PageCacheService).purge('/page');
      return (await run()).stdout;
    };
    const since = / {2}stored {6}\d+ bytes, since \d{4}-.*Z \(\d+ s ago\), until \d{4}-.*Z \(in [45] min/;
    await expect.poll(anew).toMatch(since);

    const bypassed = await run('-H', 'Cookie: sid=1');
    expect(bypassed.code).toBe(1);
    expect(bypassed.stdout).toMatch(
      /^\/page is not cached: cookie\n {2}why +the request has a cookie that may belong to a session\n {2}what to do +list your session cookies/,
    );
    expect(bypassed.stdout).toContain('by cookie: sid=1');
    const narrow = await runCommand(['why', `${site.nginx.url}/page`, '-H', 'Cookie: sid=1'], {
      cwd: directory.path,
      isTTY: true,
      columns: 70,
    });
    const lines = stripVTControlCharacters(narrow.stdout).split('\n');
    expect(lines.filter((line) => line.length > 70)).toEqual([]);
    expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain('or add the cookie to `ignoreCookies` nginx sends');
    const json = JSON.parse((await run('-H', 'Cookie: sid=1', '--json')).stdout) as object;
    expect(json).toMatchObject({
      isPage: false,
      outcome: 'cookie',
      key: 'page:127.0.0.1/page',
      stored: { isStored: true },
    });

    expect(await run('-H', 'nonsense')).toMatchObject({ code: 2 });
    expect(await runCommand(['why', '/page'], { cwd: directory.path })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('It must be a URL') as string,
    });
  });
});
