import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Controller, Get, Header } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCache, PageCacheService } from '../../lib/index.js';
import { RawClient, type RawResponse } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { PLATFORMS } from '../support/applications.js';
import { entriesBelow } from '../support/entries-below.js';
import { type FilesSite, startFilesSite } from '../support/files-site.js';

const HTML = 'text/html; charset=utf-8';
const LARGE = '<p>Grüße, 0123456789</p>'.repeat(300);

@Controller()
class PagesController {
  static content = LARGE;

  @Get('page')
  @Header('content-type', HTML)
  page() {
    return PagesController.content;
  }

  @Get('kept')
  @Header('content-type', HTML)
  @PageCache({ ttl: 0 })
  kept() {
    return PagesController.content;
  }
}

const DECODERS = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
  identity: (bytes: Buffer) => bytes,
};

describe.each(PLATFORMS)('the files flavour with brotli on %s', (platform) => {
  let site: FilesSite;
  let raw: RawClient;
  let pages: PageCacheService;

  beforeAll(async () => {
    site = await startFilesSite({ platform, controllers: [PagesController] }, { brotli: true });
    raw = new RawClient(site.nginx.port);
    pages = site.app.get(PageCacheService);
  });
  afterAll(async () => {
    raw?.close();
    await site?.stop();
  });
  beforeEach(async () => {
    PagesController.content = LARGE;
    await pages.purgeAll();
  });

  const get = (target: string, accepted: string | undefined, fields = '', method = 'GET') =>
    raw.send(
      `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${accepted === undefined ? '' : `Accept-Encoding: ${accepted}\r\n`}${fields}\r\n`,
    );
  const coding = (response: RawResponse) =>
    (field(response, 'content-encoding') ?? 'identity') as keyof typeof DECODERS;
  const text = (response: RawResponse) => DECODERS[coding(response)](response.body).toString();
  const fileNames = () =>
    entriesBelow(join(site.root, 'page:#/pages'))
      .filter(({ name }) => name === 'expiring')
      .flatMap(({ name, parentPath }) => readdirSync(join(parentPath, name)))
      .filter((name) => /^page(?:\.gz|\.br)?$/.test(name));

  it.each([
    ['br', 'br'],
    ['gzip, deflate, br', 'br'],
    ['gzip, deflate, br, zstd', 'br'],
    ['br;q=0.5, gzip', 'br'],
    ['gzip, br; q=0.001', 'br'],
    ['BR', 'br'],
    ['gzip', 'gzip'],
    ['gzip, deflate', 'gzip'],
    ['brx, gzip', 'gzip'],
    ['identity', 'identity'],
    ['deflate', 'identity'],
    [undefined, 'identity'],
  ] as const)('serves clients with %s the file coded %s', async (accepted, expected) => {
    for (const target of ['/page', '/kept']) {
      await pages.publish(target);
      const answer = await get(target, accepted);
      expect([answer.status, field(answer, 'cache-status'), coding(answer)]).toEqual([200, 'nginx; hit', expected]);
      expect(text(answer)).toBe(LARGE);
      expect(field(answer, 'content-type')).toBe(HTML);
      expect(Number(field(answer, 'content-length'))).toBe(answer.body.length);
      expect(answer.headers.filter(([name]) => name === 'Vary')).toEqual([['Vary', 'Accept-Encoding']]);
    }
  });

  it.each(['br;q=0', 'gzip, BR ; q=0.000, deflate', 'gzip,br;Q=0.', 'identity, br;q=0'])(
    'leaves clients that refuse brotli to the application: %s',
    async (accepted) => {
      await pages.publish('/page');
      const answer = await get('/page', accepted);
      expect([field(answer, 'cache-status'), coding(answer), text(answer)]).toEqual([
        'nestjs-nginx-cache; fwd=bypass; detail=nginx',
        'identity',
        LARGE,
      ]);
    },
  );

  it('gives each coding its own validator, with 304 and HEAD', async () => {
    await pages.publish('/page');
    const etags = new Set<string>();
    for (const accepted of Object.keys(DECODERS)) {
      const whole = await get('/page', accepted);
      const etag = field(whole, 'etag') ?? '';
      etags.add(etag);
      const unchanged = await get('/page', accepted, `If-None-Match: ${etag}\r\n`);
      expect([unchanged.status, field(unchanged, 'etag')]).toEqual([304, etag]);
      expect(field(unchanged, 'vary')).toBe('Accept-Encoding');
      const head = await get('/page', accepted, '', 'HEAD');
      expect([head.status, coding(head), head.body.length]).toEqual([200, accepted, 0]);
      expect(field(head, 'content-length')).toBe(String(whole.body.length));
    }
    expect(etags.size).toBe(3);
  });

  it('serves none of the files after a purge', async () => {
    await pages.publish('/page');
    expect(fileNames()).toHaveLength(3);
    expect((await pages.purge('/page')).purged).toBe(1);
    PagesController.content = `${LARGE}new`;
    expect(fileNames()).toEqual([]);
    for (const accepted of ['br', 'gzip', 'identity']) {
      const answer = await get('/page', accepted);
      expect(field(answer, 'cache-status')).toMatch(/^nestjs-nginx-cache; fwd=miss/);
      expect(text(answer)).toBe(PagesController.content);
      await site.log.outcome('/page');
      await pages.purge('/page');
    }
  });

  it('leaves no coded file of a page that is replaced by one too small for it', async () => {
    await pages.publish('/page');
    PagesController.content = '<p>small</p>';
    await pages.publish('/page');
    for (const accepted of ['br', 'gzip', 'identity']) {
      const answer = await get('/page', accepted);
      expect([field(answer, 'cache-status'), coding(answer), text(answer)]).toEqual([
        'nginx; hit',
        'identity',
        '<p>small</p>',
      ]);
    }
    expect(fileNames()).toEqual([expect.stringMatching(/page$/)]);
  });

  it('replaces all codings of a page', async () => {
    for (const version of ['one', 'two']) {
      PagesController.content = LARGE + version;
      await pages.publish('/page');
      for (const accepted of ['br', 'gzip', 'identity']) {
        const answer = await get('/page', accepted);
        expect([coding(answer), text(answer)]).toEqual([accepted, PagesController.content]);
      }
    }
  });

  it('warns of nothing', () => {
    expect(site.nginx.testOutput).toBe('');
    expect(site.nginx.errorLog()).toBe('');
  });
});
