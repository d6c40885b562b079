import { Controller, Get, Header, Param, Query, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCacheService } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const SITE = 'https://example.com';

const urlset = (...urls: string[]) =>
  `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">${urls.map((url) => `<url><loc>${url}</loc><xhtml:link rel="alternate" hreflang="de" href="${url.replace(SITE, `${SITE}/de`)}"/></url>`).join('')}</urlset>`;
const index = (...sitemaps: string[]) =>
  `<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${sitemaps.map((url) => `<sitemap><loc>${url}</loc></sitemap>`).join('')}</sitemapindex>`;

@Controller()
class SitemapController {
  static readonly files = new Map<string, string | Buffer>();
  static readonly asked: string[] = [];

  @Get(['posts/:id', 'de/posts/:id'])
  @Header('content-type', 'text/html; charset=utf-8')
  post(@Param('id') id: string, @Query('page') page?: string) {
    SitemapController.asked.push(id);
    return `post ${id} ${page ?? ''}`;
  }

  @Get('sitemaps/:name')
  sitemap(@Param('name') name: string, @Res() reply: ServerResponse) {
    const file = SitemapController.files.get(name);
    const response = raw(reply);
    response.writeHead(file === undefined ? 404 : 200, { 'content-type': 'application/xml' });
    response.end(file);
  }

  static isGivenUp = false;

  /** It is no sitemap, and does not end before its reader leaves. */
  @Get('endless')
  endless(@Res() reply: ServerResponse, @Query('status') status: string) {
    const response = raw(reply);
    response.once('close', () => (SitemapController.isGivenUp = true));
    response.writeHead(Number(status));
    const write = () => {
      if (SitemapController.isGivenUp) return;
      response.write('<urlset></endless>');
      setImmediate(write);
    };
    write();
  }

  @Get('sitemap.xml')
  moved(@Res() reply: ServerResponse) {
    raw(reply).writeHead(301, { location: '/sitemaps/index.xml' });
    raw(reply).end();
  }
}

describe.each(PLATFORMS)('publishSitemap() on %s', (platform) => {
  let site: Site;
  let pages: PageCacheService;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [SitemapController],
      options: { origin: SITE, query: { allow: ['page'] } },
    });
    pages = site.app.get(PageCacheService);
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await pages.purgeAll();
    SitemapController.files.clear();
    SitemapController.asked.length = 0;
  });

  it('publishes what an index names, packed or not, with its alternates', async () => {
    SitemapController.files.set('index.xml', index(`${SITE}/sitemaps/1.xml`, `${SITE}/sitemaps/2.xml.gz`));
    SitemapController.files.set('1.xml', urlset(`${SITE}/posts/1`, `${SITE}/posts/1?page=2`));
    SitemapController.files.set('2.xml.gz', gzipSync(urlset(`${SITE}/posts/2`, `${SITE}/posts/1`)));
    const report = await pages.publishSitemap('/sitemaps/index.xml');
    expect(report).toMatchObject({
      published: ['/posts/1', '/de/posts/1', '/posts/1?page=2', '/de/posts/1?page=2', '/posts/2', '/de/posts/2'],
      sitemaps: [
        { location: '/sitemaps/index.xml' },
        { location: `${SITE}/sitemaps/1.xml` },
        { location: `${SITE}/sitemaps/2.xml.gz` },
      ],
      foreign: 0,
      invalid: 0,
      isComplete: true,
      isTruncated: false,
    });
    expect(await site.get('/de/posts/1?page=2')).toBePageCacheHit();
  });

  it('asks for nothing at other sites, and counts what it leaves', async () => {
    const list = [
      'https://example.org/posts/1',
      'https://example.com:8443/posts/2',
      'https://example.com.example.org/posts/3',
      'https://example.com@example.org/posts/4',
      'http://example.com/posts/5#top',
      'javascript:alert(1)',
      '/posts/6',
      `${SITE}/${'x'.repeat(2048)}`,
    ];
    SitemapController.files.set('list.txt', list.join('\n'));
    expect(await pages.publishSitemap(`${SITE}/sitemaps/list.txt`)).toMatchObject({
      published: ['/posts/5'],
      foreign: 4,
      invalid: 3,
    });
    expect(SitemapController.asked).toEqual(['5']);
  });

  it('reports files that it cannot read, and goes on', async () => {
    SitemapController.files.set(
      'index.xml',
      index(...['none.xml', 'broken.xml', 'index.xml', 'good.xml'].map((name) => `${SITE}/sitemaps/${name}`)),
    );
    SitemapController.files.set('broken.xml', urlset(`${SITE}/posts/1`).replace('</urlset>', '</url>'));
    SitemapController.files.set('good.xml', urlset(`${SITE}/posts/2`));
    const { published, sitemaps } = await pages.publishSitemap('/sitemaps/index.xml');
    expect(published).toEqual(expect.arrayContaining(['/posts/2', '/de/posts/2']));
    expect(sitemaps).toEqual([
      { location: '/sitemaps/index.xml' },
      { location: `${SITE}/sitemaps/none.xml`, error: 'the application answers 404' },
      { location: `${SITE}/sitemaps/broken.xml`, error: expect.stringContaining('Unexpected close tag') },
      { location: `${SITE}/sitemaps/index.xml` },
      { location: `${SITE}/sitemaps/good.xml` },
    ]);
    expect(await pages.publishSitemap('/sitemap.xml')).toMatchObject({
      published: [],
      sitemaps: [{ location: '/sitemap.xml', error: 'the application answers 301 and names /sitemaps/index.xml' }],
    });
  });

  it('takes the content of a file, and reads no more than it may', async () => {
    async function* file() {
      yield Buffer.from(urlset(`${SITE}/posts/1`, `${SITE}/posts/2`));
    }
    expect(await pages.publishSitemap(file(), { limit: 3, skipStored: true })).toMatchObject({
      published: ['/posts/1', '/de/posts/1', '/posts/2'],
      isTruncated: true,
    });
    expect(await pages.publishSitemap(file(), { limit: 3, skipStored: true })).toMatchObject({
      published: [],
      kept: ['/posts/1', '/de/posts/1', '/posts/2'],
    });
  });

  it('refuses what is not a sitemap of this site', async () => {
    await expect(pages.publishSitemap('https://example.org/sitemap.xml')).rejects.toThrow('not a sitemap of this site');
    await expect(pages.publishSitemap('sitemap.xml')).rejects.toThrow('is not a sitemap: give a path');
    await expect(pages.publishSitemap('/x', { limit: 0 })).rejects.toThrow('publishSitemap.limit');
  });

  it.each([
    [200, 'Unexpected close tag'],
    [404, 'the application answers 404'],
  ])('lets the application stop when it reads no farther (%i)', async (status, error) => {
    SitemapController.isGivenUp = false;
    const location = `/endless?status=${status}`;
    expect(await pages.publishSitemap(location)).toMatchObject({ sitemaps: [{ location, error }] });
    await expect.poll(() => SitemapController.isGivenUp).toBe(true);
  });

  it('ends at the signal before it has read anything', async () => {
    const signal = AbortSignal.abort();
    expect(await pages.publishSitemap('/sitemaps/index.xml', { signal })).toMatchObject({
      published: [],
      sitemaps: [],
      isComplete: false,
    });
  });
});

it('publishSitemap() reads the sitemap of each host, and publishes the pages of each', async () => {
  const hosts = ['a.example', 'b.example'];
  await using site = await startSite({ platform: 'express', controllers: [SitemapController], options: { hosts } });
  SitemapController.files.set(
    'list.txt',
    'https://a.example/posts/1\nhttp://b.example/posts/2\nhttps://c.example/posts/3',
  );
  const report = await site.app.get(PageCacheService).publishSitemap('/sitemaps/list.txt');
  expect(report).toMatchObject({ published: ['/posts/1', '/posts/2'], foreign: 2 });
  expect((await site.memcached.keys()).sort()).toEqual(['page:a.example/posts/1', 'page:b.example/posts/2']);
});

it('publishSitemap() of a URL tells what the site is called, where no option does', async () => {
  await using site = await startSite({ platform: 'fastify', controllers: [SitemapController] });
  const pages = site.app.get(PageCacheService);
  SitemapController.files.set('list.txt', 'https://blog.example/posts/1\nhttps://page-cache.invalid/posts/2');
  expect(await pages.publishSitemap('https://blog.example/sitemaps/list.txt')).toMatchObject({
    published: ['/posts/1'],
    foreign: 1,
  });
  // As a sitemap shows its own host.
  expect(await pages.publishSitemap('/sitemaps/list.txt')).toMatchObject({ published: ['/posts/2'], foreign: 1 });
});
