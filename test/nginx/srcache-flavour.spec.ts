import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { field } from '../page/raw-pool.js';
import { modulesDirectory } from '../support/nginx-modules.js';
import { found } from '../support/raw-memcached.js';
import { startRawFlavour, storedPage } from '../support/raw-flavour.js';

const store = memcachedStore({ servers: '127.0.0.1:11211' });
const options: NginxCacheOptions = { store, hosts: 'any', nginx: { flavour: 'srcache' } };

describe('the srcache flavour', () => {
  it('loads its modules where it is told where they are', () => {
    const { full, files } = nginxConf(options, { app: '127.0.0.1:3000', modulesDirectory: '/opt/modules/' });
    expect(full.match(/^load_module .*$/gm)).toEqual([
      'load_module /opt/modules/ngx_http_memc_module.so;',
      'load_module /opt/modules/ngx_http_srcache_filter_module.so;',
    ]);
    expect(nginxConf(options, { app: '127.0.0.1:3000' }).full).not.toContain('load_module');
    expect(files).toEqual({});
  });

  it('only reads', () => {
    const { server } = nginxConf(options, { app: '127.0.0.1:3000' });
    expect(server).not.toContain('srcache_store');
    expect(server).toContain('memc_cmds_allowed get;');
  });

  it('lets nginx compress what is stored uncompressed', async () => {
    modulesDirectory('srcache');
    await using site = await startRawFlavour('srcache', { compress: false });
    const text = 'stored '.repeat(1000);
    const page = { body: Buffer.from(text), headers: [['Content-Type', 'application/json; charset=utf-8']] as const };
    site.memcached.answer = (key) => ({ bytes: found(key, storedPage(page)), hang: true });
    const response = await site.get('/a', 'Accept-Encoding: gzip\r\n');
    expect(field(response, 'content-encoding')).toBe('gzip');
    expect(field(response, 'vary')).toBe('Accept-Encoding');
    expect(field(response, 'etag')).toMatch(/^W\//);
    expect(gunzipSync(response.body).toString()).toBe(text);
    expect((await site.get('/a')).body.toString()).toBe(text);
  });
});
