import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Body, Controller, Get, Header, Param, Post, Query } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCache, PageCacheService } from '../../lib/index.js';
import { RawClient } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { entriesBelow } from '../support/entries-below.js';
import { type FilesSite, startFilesSite } from '../support/files-site.js';

const HTML = 'text/html; charset=utf-8';
const body = (id: string) => `<h1>${id}</h1>${'<p>Grüße, 0123456789</p>'.repeat(300)}`;

/** As deep as a page may be. */
const DEEP = `deep${'/x'.repeat(15)}`;

@Controller()
class PostsController {
  static renders = 0;
  static suffix = '';

  @Get()
  @Header('content-type', HTML)
  home() {
    PostsController.renders += 1;
    return body('home');
  }

  @Get('posts/:id')
  @Header('content-type', HTML)
  post(@Param('id') id: string, @Query('page') number?: string) {
    PostsController.renders += 1;
    return body(`${id} ${number ?? ''} ${PostsController.suffix}`);
  }

  @Get([DEEP, `${DEEP}/x`])
  @Header('content-type', HTML)
  deep() {
    return body('deep');
  }

  @Get('small')
  @Header('content-type', HTML)
  @PageCache({ ttl: 0 })
  small() {
    return '<p>small</p>';
  }

  @Get('feed.json')
  feed() {
    return { posts: [] };
  }

  @Post('posts/:id')
  @Header('content-type', HTML)
  save(@Param('id') id: string, @Body() form: unknown) {
    return `${id} ${JSON.stringify(form)}`;
  }
}

describe.each(PLATFORMS)('the files flavour on %s', (platform) => {
  let site: FilesSite;
  let raw: RawClient;

  beforeAll(async () => {
    site = await startFilesSite({
      platform,
      controllers: [PostsController],
      options: { query: { allow: ['page'] }, exclude: ['/posts/secret'] },
    });
    raw = new RawClient(site.nginx.port);
  });
  afterAll(async () => {
    raw?.close();
    await site?.stop();
  });
  beforeEach(async () => {
    await site.app.get(PageCacheService).purgeAll();
    site.log.forget();
    PostsController.renders = 0;
  });

  const store = async (target: string) => {
    let first = await site.get(target);
    // On a busy machine the journal may take longer than a visitor waits.
    while (first.status.includes('store-down')) first = await site.get(target);
    expect(await site.log.outcome(target)).toBe('stored');
    return first;
  };
  const pageFiles = () =>
    entriesBelow(join(site.root, 'page:#/pages')).filter(
      ({ name, parentPath }) => name === 'expiring' && parentPath.endsWith('#'),
    );

  it.each(['gzip', 'identity'])('serves the same bytes to clients with %s', async (encoding) => {
    const init = { headers: { 'accept-encoding': encoding } };
    const first = await site.get('/posts/1', init);
    await site.log.outcome('/posts/1');
    const second = await site.get('/posts/1', init);
    expect(second.status).toBe('nginx; hit');
    expect(second.body.equals(first.body)).toBe(true);
    expect(second.headers.get('content-type')).toBe(HTML);
    expect(second.headers.get('content-encoding')).toBe(encoding === 'gzip' ? 'gzip' : null);
    expect(second.headers.get('vary')).toMatch(/accept-encoding/i);
    expect(PostsController.renders).toBe(1);
  });

  it('packs once, when the page is stored', async () => {
    await store('/posts/1');
    const request = 'GET /posts/1 HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n';
    const answer = await raw.send(request);
    const length = Number(answer.headers.find(([name]) => name === 'Content-Length')?.[1]);
    expect(answer.body.length).toBe(length);
    expect(gunzipSync(answer.body).toString()).toBe(body('1  '));
  });

  it('answers conditions, ranges and HEAD without the application', async () => {
    await store('/posts/1');
    const identity = { 'accept-encoding': 'identity' };
    const whole = await site.get('/posts/1', { headers: identity });
    const etag = whole.headers.get('etag')!;
    const modified = whole.headers.get('last-modified')!;
    expect(etag).toMatch(/^"[0-9a-f]+-[0-9a-f]+"$/);
    for (const condition of [{ 'if-none-match': etag }, { 'if-modified-since': modified }]) {
      const answer = await site.get('/posts/1', { headers: { ...identity, ...condition } });
      expect(answer).toMatchObject({ code: 304, status: 'nginx; hit', body: Buffer.alloc(0) });
      expect(answer.headers.get('etag')).toBe(etag);
    }
    const other = await site.get('/posts/1', { headers: { ...identity, 'if-none-match': '"other"' } });
    expect(other).toMatchObject({ code: 200, status: 'nginx; hit' });
    // nginx wants both to agree (ngx_http_not_modified_filter_module.c): sometimes a page too much, never a 304 too much.
    for (const [tag, date, code] of [
      [etag, modified, 304],
      ['"other"', modified, 200],
      [etag, 'Sun, 06 Nov 1983 08:49:37 GMT', 200],
    ] as const) {
      const headers = { ...identity, 'if-none-match': tag, 'if-modified-since': date };
      expect(await site.get('/posts/1', { headers })).toMatchObject({ code, status: 'nginx; hit' });
    }
    const part = await site.get('/posts/1', { headers: { ...identity, range: 'bytes=5-14' } });
    expect(part).toMatchObject({ code: 206, status: 'nginx; hit', body: whole.body.subarray(5, 15) });
    const head = await site.get('/posts/1', { method: 'HEAD', headers: identity });
    expect(head).toMatchObject({ code: 200, status: 'nginx; hit', body: Buffer.alloc(0) });
    for (const field of ['content-length', 'content-type', 'etag', 'last-modified']) {
      expect(head.headers.get(field), field).toBe(whole.headers.get(field));
    }
    expect(PostsController.renders).toBe(1);
  });

  it('gives a new version another ETag, even within a second', async () => {
    const pages = site.app.get(PageCacheService);
    const etags = new Set<string | null>();
    for (const letter of 'abcde') {
      PostsController.suffix = letter;
      await pages.publish('/posts/1');
      const { headers, body: sent } = await site.get('/posts/1');
      expect(sent.toString()).toBe(body(`1  ${letter}`));
      etags.add(headers.get('etag'));
    }
    PostsController.suffix = '';
    expect(etags.size).toBe(5);
  });

  it('serves pages without ttl', async () => {
    await store('/small');
    const answer = await site.get('/small', { headers: { 'accept-encoding': 'gzip' } });
    expect(answer).toMatchObject({ status: 'nginx; hit', body: Buffer.from('<p>small</p>') });
    expect(answer.headers.get('content-encoding')).toBeNull();
  });

  it('tells a page from what lies below it, and queries from each other', async () => {
    const targets = ['/', '/posts/1', '/posts/1?page=2', '/posts/1?page=', '/posts/index.html', '/posts/a%20%C3%A4'];
    const first = new Map<string, string>();
    for (const target of targets) first.set(target, (await store(target)).body.toString());
    for (const target of targets) {
      const again = await site.get(target);
      expect(again.status, target).toBe('nginx; hit');
      expect(again.body.toString(), target).toBe(first.get(target));
    }
    expect(pageFiles()).toHaveLength(targets.length);
  });

  it('does not serve what has been purged, not for a moment', async () => {
    const pages = site.app.get(PageCacheService);
    for (let i = 0; i < 20; i += 1) {
      await store('/posts/1');
      expect((await site.get('/posts/1')).status).toBe('nginx; hit');
      expect((await pages.purge('/posts/1')).purged).toBe(1);
      site.log.forget();
      expect((await site.get('/posts/1')).status).toContain('fwd=miss');
      await site.log.outcome('/posts/1');
      await pages.purgeUnder('/posts');
      site.log.forget();
    }
  });

  it('passes on everything that is none of its business', async () => {
    await store('/posts/1');
    for (const [target, headers] of [
      ['/posts/1', { cookie: 'sid=1' }],
      ['/posts/1', { authorization: 'Basic x' }],
      ['/posts/1?other=1', {}],
      ['/posts/secret', {}],
    ] as const) {
      const answer = await site.get(target, { headers });
      expect(answer.status, target).toMatch(/^nestjs-nginx-cache; fwd=bypass/);
    }
    expect(await site.get('/feed.json')).toMatchObject({ code: 200, body: Buffer.from('{"posts":[]}') });
    expect(await site.log.outcome('/feed.json')).toBe('content-type');
    const post = await site.get('/posts/1', {
      method: 'POST',
      body: JSON.stringify({ title: 'ä' }),
      headers: { 'content-type': 'application/json' },
    });
    expect(post).toMatchObject({ code: 201, body: Buffer.from('1 {"title":"ä"}') });
  });

  it('gives out nothing but pages, whatever is asked for', async () => {
    await store('/posts/1?page=2');
    const site_ = join(site.root, 'page:#');
    mkdirSync(join(site_, 'tmp'), { recursive: true });
    writeFileSync(join(site_, 'tmp', 'draft'), 'FORBIDDEN');
    writeFileSync(join(site.root, 'outside#'), 'FORBIDDEN');
    writeFileSync(join(site_, 'outside#'), 'FORBIDDEN');
    mkdirSync(join(site_, 'pages', 'posts', '1?page='), { recursive: true });
    // prettier-ignore
    const targets = [
      '/../outside', '/..%2Foutside', '/%2e%2e/outside', '/posts/../../outside', '/posts/..%2f..%2foutside', '/../tmp/draft',
      '/posts/1#/expiring/page', '/posts/1%23/expiring/page', '/posts/1#/expiring/page.gz', '/posts/1#/expiring', '/posts/1/page',
      '/posts/1?page=/../../../../outside', '/posts/1?page=/../../../tmp/draft', '/posts/1?page=//x', '/posts/1?page=/./x',
      '/posts/1%23', '/posts/1#', '/posts/1%23.gz', '/posts/1#.gz', '/posts/1.gz', '/posts', '/posts/', '//posts/1',
      '/posts/1\\..\\outside', '/posts%00', '/?page=../../../outside', '/#/posts/1', '/journal', '/../journal',
    ];
    for (const target of targets) {
      const answer = await raw.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      expect(
        answer.headers.find(([name, value]) => name === 'Cache-Status' && value === 'nginx; hit'),
        target,
      ).toBeUndefined();
      expect(answer.body.toString(), target).not.toContain('FORBIDDEN');
    }
    for (const query of ['/../x', '//x', '/./x']) {
      const { status } = await site.get(`/posts/1?page=${query}`);
      expect(status, query).toBe('nestjs-nginx-cache; fwd=bypass; detail=file-name');
    }
    rmSync(join(site_, 'outside#'));
  });

  it('makes no more than so many directories for a page', async () => {
    const deep = `/${DEEP}`;
    await store(deep);
    expect((await site.get(deep)).status).toBe('nginx; hit');
    await store(`${deep}?page=${'y/'.repeat(16)}z`);
    // No page is stored there; if there were one, nginx would not look for it either.
    for (const target of [`${deep}/x`, `${deep}?page=${'y/'.repeat(17)}z`]) {
      expect((await site.get(target)).status).toBe('nestjs-nginx-cache; fwd=bypass; detail=depth');
    }
    mkdirSync(join(site.root, 'page:#', 'pages', deep.slice(1), 'x#', 'kept'), { recursive: true });
    writeFileSync(join(site.root, 'page:#', 'pages', deep.slice(1), 'x#', 'kept', 'page'), 'FORBIDDEN');
    expect((await site.get(`${deep}/x`)).status).toBe('nestjs-nginx-cache; fwd=bypass; detail=depth');
  });

  it('goes on without files that it cannot read', async () => {
    await store('/posts/1');
    const directory = join(site.root, 'page:#', 'pages', 'posts');
    // The application may read them, and sends what is stored, or it may not either, and renders the page.
    const byTheApplication = /^nestjs-nginx-cache; (?:hit|fwd=miss)/;
    chmodSync(directory, 0o700);
    for (const encoding of ['gzip', 'identity']) {
      const { code, status } = await site.get('/posts/1', { headers: { 'accept-encoding': encoding } });
      expect(code).toBe(200);
      expect(status).toMatch(byTheApplication);
    }
    chmodSync(directory, 0o755);
    for (const name of ['page', 'page.gz']) chmodSync(join(directory, '1#', 'expiring', name), 0o200);
    for (const encoding of ['gzip', 'identity']) {
      const answer = await site.get('/posts/1', { headers: { 'accept-encoding': encoding } });
      expect(answer).toMatchObject({ code: 200, body: Buffer.from(body('1  ')) });
      expect(answer.status).toMatch(byTheApplication);
    }
  });

  it('warns of nothing', () => {
    expect(site.nginx.testOutput).toBe('');
    const lines = site.nginx.errorLog().split('\n');
    expect(lines.filter((line) => line !== '' && !/Permission denied/.test(line))).toEqual([]);
  });
});
