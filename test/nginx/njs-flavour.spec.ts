import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf } from '../../lib/index.js';
import { field } from '../page/raw-pool.js';
import { found } from '../support/raw-memcached.js';
import { type RawFlavour, startRawFlavour, storedPage } from '../support/raw-flavour.js';

const options = { store: memcachedStore({ servers: '127.0.0.1:11211' }), nginx: { flavour: 'njs' as const } };

describe('the njs flavour', () => {
  let site: RawFlavour;
  beforeAll(async () => {
    site = await startRawFlavour('njs');
  });
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]();
  });
  const store = (value: Buffer) => {
    site.memcached.answer = (key) => ({ bytes: found(key, value), hang: true });
  };

  it('comes with its module, one for each site', () => {
    const place = { app: '127.0.0.1:3000', directory: '/srv/nginx', modulesDirectory: '/opt/modules' };
    const { full, http, files } = nginxConf({ ...options, hosts: 'any', prefix: 'blog:' }, place);
    expect(full).toMatch(/^load_module \/opt\/modules\/ngx_http_js_module\.so;$/m);
    expect(Object.keys(files)).toEqual(['blog_cache_page-cache.njs']);
    expect(http).toContain('js_import blog_cache_njs from /srv/nginx/blog_cache_page-cache.njs;');
    expect(files['blog_cache_page-cache.njs']).toContain(`r.subrequest('blog_cache_stored', answer)`);
  });

  it('answers from one source for every status', async () => {
    for (const status of [200, 301, 308, 404, 410]) {
      store(storedPage({ status, body: Buffer.from('käse') }, ['Location', '/elsewhere']));
      const response = await site.get('/a');
      expect([response.status, response.body.toString()]).toEqual([status, 'käse']);
      expect(field(response, 'location')).toBe('/elsewhere');
      expect(field(response, 'content-length')).toBe('5');
    }
  });

  it('leaves redirects to the application whose content njs cannot send', async () => {
    for (const page of [
      { status: 301, body: Buffer.from([0xff, 0xfe]) },
      { status: 301, body: gzipSync('moved'), contentEncoding: 'gzip' as const },
    ]) {
      store(storedPage(page, ['Location', '/elsewhere']));
      const response = await site.get('/a');
      expect(response.body.toString()).toBe('app');
      expect(field(response, 'location')).toBeUndefined();
    }
  });

  it.each(['gzip', 'gzip, deflate, br', 'br;q=1.0, gzip;q=0.8', 'GZIP', 'deflate,gzip'])(
    'takes %s for a client with gzip, as nginx does',
    async (accepted) => {
      store(storedPage({ body: gzipSync('stored'), contentEncoding: 'gzip' }));
      const response = await site.get('/a', `Accept-Encoding: ${accepted}\r\n`);
      expect(field(response, 'content-encoding')).toBe('gzip');
      expect(field(response, 'etag')).toMatch(/^"/);
    },
  );

  it.each(['identity', 'gzip;q=0', 'gzip; q=0.0', 'gzip;q=0, br', 'xgzip', 'gzipped', '*', ''])(
    'takes %s for a client without gzip, as nginx does',
    async (accepted) => {
      store(storedPage({ body: gzipSync('stored'), contentEncoding: 'gzip' }));
      const response = await site.get('/a', `Accept-Encoding: ${accepted}\r\n`);
      expect(field(response, 'content-encoding')).toBeUndefined();
      expect(field(response, 'etag')).toMatch(/^W\/"/);
      expect(response.body.toString()).toBe('stored');
    },
  );
});
