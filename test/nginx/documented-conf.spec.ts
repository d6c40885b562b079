import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import {
  BlogController,
  BODY,
  DOCUMENTED,
  type DocumentedSite,
  startDocumentedSite,
  STYLES,
} from './documented-site.js';

const HSTS = 'max-age=31536000';

it('docs/nginx.md shows whole files', () => {
  expect(DOCUMENTED.map(([path]) => path)).toEqual([
    'conf.d/page-cache.conf',
    'sites-enabled/blog',
    'conf.d/shop-cache.conf',
    'sites-enabled/shop',
  ]);
});

describe.each(['memcached', 'srcache', 'njs', 'files'] as const)('docs/nginx.md with the flavour %s', (flavour) => {
  let site: DocumentedSite;

  beforeAll(async () => {
    site = await startDocumentedSite(flavour);
  });
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await site.blog.purgeAll();
    await site.blog.publish('/posts/1');
    BlogController.renders = 0;
  });

  it('makes nginx -t say nothing but that all is well', () => {
    expect(site.nginx.testOutput).toBe('');
  });

  it.each(['http1', 'http2'] as const)('serves the same bytes over %s, packed and unpacked', async (protocol) => {
    for (const coding of ['gzip', 'identity']) {
      const hit = await site.client[protocol]('example.com', '/posts/1', { 'accept-encoding': coding });
      expect([hit.status, hit.headers['cache-status']]).toEqual([200, 'nginx; hit']);
      expect(hit.headers['content-encoding']).toBe(coding === 'gzip' ? 'gzip' : undefined);
      expect((coding === 'gzip' ? gunzipSync(hit.body) : hit.body).toString()).toBe(BODY);
      expect(hit.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(hit.headers['strict-transport-security']).toBe(HSTS);
    }
    const head = await site.client[protocol]('example.com', '/posts/1', {}, 'HEAD');
    expect([head.status, head.headers['cache-status'], head.body.length]).toEqual([200, 'nginx; hit', 0]);
    expect(BlogController.renders).toBe(0);
  });

  it('stores for all what a visitor with HTTP/2 was the first to see', async () => {
    await site.blog.purgeAll();
    const first = await site.client.http2('example.com', '/posts/1?page=2');
    expect(first.headers['cache-status']).toBe('nestjs-nginx-cache; fwd=miss; stored');
    await expect.poll(() => site.blog.has('/posts/1?page=2')).toBe(true);
    for (const protocol of ['http1', 'http2'] as const) {
      const next = await site.client[protocol]('example.com', '/posts/1?page=2');
      expect(next.headers['cache-status']).toBe('nginx; hit');
      expect(next.body.equals(first.body)).toBe(true);
    }
  });

  it('tells the application of TLS and of the host', async () => {
    for (const protocol of ['http1', 'http2'] as const) {
      await site.blog.purgeAll();
      expect((await site.client[protocol]('example.com', '/scheme')).body.toString()).toBe('https://example.com');
    }
  });

  it('keeps visitors with a session from the cache, in whatever field of HTTP/2 their cookie is', async () => {
    for (const cookie of ['sid=1', ['a=1', 'sid=1'], ['sid=1', 'a=1']]) {
      const { headers } = await site.client.http2('example.com', '/posts/1', { cookie });
      expect(headers['cache-status']).toBe('nestjs-nginx-cache; fwd=bypass; detail=cookie');
    }
  });

  it('serves static files without a question to memcached or the application', async () => {
    const asked = async () => Number(/STAT cmd_get (\d+)/.exec(await site.memcached.send('stats'))?.[1]);
    for (const protocol of ['http1', 'http2'] as const) {
      const { status, headers, body } = await site.client[protocol]('example.com', '/assets/site.css');
      expect([status, headers['content-type'], body.toString()]).toEqual([200, 'text/css', STYLES]);
      expect(headers['cache-control']).toBe('max-age=31536000, public, immutable');
      expect(Date.parse(headers.expires ?? '')).toBeGreaterThan(Date.now() + 300 * 86_400_000);
      expect(headers['strict-transport-security']).toBe(HSTS);
      expect(headers['cache-status']).toBeUndefined();
      expect((await site.client[protocol]('example.com', '/assets/none.css')).status).toBe(404);
    }
    const get = () => site.client.http2('example.com', '/assets/site.css');
    const questions = async () => {
      const before = await asked();
      for (let index = 0; index < 3; index += 1) await get();
      return (await asked()) - before;
    };
    // The applications look for changed options now and then.
    await expect.poll(questions).toBe(0);
  });

  it('gives each page one address', async () => {
    const target = '/posts/1?page=2&x=%20';
    await using plain = new RawClient(site.nginx.port);
    for (const host of ['example.com', 'www.example.com', 'shop.example']) {
      const answer = await plain.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const location = `https://${host.replace('www.', '')}${target}`;
      expect([answer.status, field(answer, 'location')]).toEqual([301, location]);
    }
    for (const host of ['www.example.com', 'other.example']) {
      const { status, headers } = await site.client.http1('www.example.com', target, { host });
      expect([status, headers.location]).toEqual([301, `https://example.com${target}`]);
    }
    const www = await site.client.http2('www.example.com', target);
    expect([www.status, www.headers.location]).toEqual([301, `https://example.com${target}`]);
  });

  it('keeps two sites apart', async () => {
    await site.shop.publish('/posts/1');
    const shop = await site.client.http2('shop.example', '/posts/1');
    expect([shop.headers['cache-status'], shop.body.toString()]).toEqual(['nginx; hit', '<h1>shop</h1>']);
    await site.shop.purgeAll();
    const after = await site.client.http2('shop.example', '/posts/1');
    expect(after.headers['cache-status']).toMatch(/fwd=miss/);
    expect((await site.client.http2('example.com', '/posts/1')).headers['cache-status']).toBe('nginx; hit');
  });

  it('leaves nothing in the error log but the file that is missing', () => {
    const lines = site.nginx.errorLog().split('\n');
    // On a busy machine memcached may answer too late.
    const known = /^$|\/assets\/none\.css|upstream timed out/;
    expect(lines.filter((line) => !known.test(line))).toEqual([]);
  });
});
