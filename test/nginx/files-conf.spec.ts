import { describe, expect, it } from 'vitest';
import { fileStore, memcachedStore, memoryStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { NginxServer, RawClient } from '../../lib/testing/index.js';

describe('the configuration for files', () => {
  const files = fileStore({ root: '/var/cache/blog' });
  const deployment = { app: '127.0.0.1:1' };

  it('is implied by the store, and goes with no other', () => {
    expect(nginxConf({ store: files }, deployment).server).toContain('root "/var/cache/blog/page:#";');
    const wrong: [NginxCacheOptions, RegExp][] = [
      [
        { store: files, nginx: { flavour: 'memcached' } },
        /^nginx\.flavour: 'memcached' is not possible.*"files" with filesStore/,
      ],
      [{ store: memcachedStore({ servers: '127.0.0.1:1' }), nginx: { flavour: 'files' } }, /^nginx\.flavour: 'files'/],
      [{ store: memoryStore(), nginx: { flavour: 'files' } }, /^nginx\.flavour: 'files'/],
      [{ store: files, statuses: [200, 404] }, /^statuses: .*\[200\]/],
      [{ store: fileStore({ root: '/x', maxBytes: 10 }) }, /^store: .*does not fit into maxBytes/],
    ];
    for (const [options, message] of wrong) expect(() => nginxConf(options, deployment)).toThrow(message);
  });

  it('serves brotli when it is kept', () => {
    const brotli = fileStore({ root: '/var/cache/blog', brotli: true });
    const { full, server } = nginxConf({ store: brotli, hosts: 'any' }, { ...deployment, modulesDirectory: '/m' });
    expect(server).toContain('brotli_static on;');
    expect(full).toContain('load_module /m/ngx_http_brotli_static_module.so;');
    expect(nginxConf({ store: files, hosts: 'any' }, { ...deployment, modulesDirectory: '/m' }).full).not.toMatch(
      /brotli|load_module/,
    );
  });

  it('looks first where most pages are', () => {
    const order = (ttl: number) => /try_files .*/.exec(nginxConf({ store: files, ttl }, deployment).server)?.[0];
    expect(order(1000)).toMatch(/live.*kept/);
    expect(order(0)).toMatch(/kept.*live/);
  });

  it('is right as two includes, for two sites, and whatever the http block says', async () => {
    const parts = ['blog:', '..', ''].map((prefix, index) =>
      nginxConf(
        {
          prefix,
          store: files,
          hosts: ['a.example', '[::1]'],
          query: { allow: ['page'] },
          compress: index ? 'gzip' : false,
        },
        deployment,
      ),
    );
    const servers = (port: number) =>
      parts.map(({ server }, index) => `server { listen 127.0.0.1:${port}; server_name s${index}; ${server} }`);
    await using nginx = await NginxServer.start(({ port, directory }) => ({
      full: `pid ${directory}/pid; error_log ${directory}/error.log; events {} http {
        variables_hash_bucket_size 128; variables_hash_max_size 4096;
        open_file_cache max=100; disable_symlinks on; types { text/css html; } gzip_static always; gunzip on;
        ${parts.map(({ http }) => http).join('\n')} ${servers(port).join('\n')} }`,
    }));
    expect(nginx.testOutput).toBe('');
    await using client = new RawClient(nginx.port);
    expect((await client.send('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n')).status).toBe(502);
  });
});
