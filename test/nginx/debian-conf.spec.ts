import { describe, expect, it } from 'vitest';
import { fileStore, memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { NginxServer, RawClient } from '../../lib/testing/index.js';
import { debianNginx } from '../support/debian-nginx.js';
import { modulesDirectory, type Needing } from '../support/nginx-modules.js';

const store = memcachedStore({ servers: 'unix:/run/memcached.sock' });
const files = fileStore({ root: '/var/cache/pages' });
const WHOLE = [200, 301, 308, 404, 410];

/** The options that change what a flavour writes. */
const sites: [name: string, needing: Needing, options: NginxCacheOptions][] = [
  ['memcached', 'memcached', { store }],
  ['memcached, nothing compressed', 'memcached', { store, compress: false }],
  ['srcache', 'srcache', { store, nginx: { flavour: 'srcache' }, statuses: WHOLE }],
  ['srcache, nothing compressed', 'srcache', { store, nginx: { flavour: 'srcache' }, compress: false }],
  ['njs', 'njs', { store, nginx: { flavour: 'njs' }, statuses: WHOLE }],
  ['njs, nothing compressed', 'njs', { store, nginx: { flavour: 'njs' }, compress: false }],
  ['files', 'files', { store: files }],
  ['files, nothing compressed', 'files', { store: files, compress: false, ttl: 0 }],
  ['files with brotli', 'brotli', { store: fileStore({ root: '/var/cache/pages', brotli: true }) }],
];

const MORE: NginxCacheOptions = {
  anonymousOnly: { sessionCookies: ['connect.sid'], ignoreCookies: [/^_ga/] },
  include: ['/', '/posts/*', /^\/tags\//],
  exclude: ['/admin/*'],
  query: { allow: ['page'], ignore: [/^utm_/] },
  hosts: ['example.com'],
  variants: [{ name: 'lang', cookie: 'lang', values: ['en', 'de'], default: 'en' }],
  clientCacheControl: 'public, max-age=60',
};

/** Of a page: 502 when nginx has found none, and gone on to the application that is not there. */
async function status(nginx: NginxServer): Promise<number> {
  await using client = new RawClient(nginx.port);
  return (await client.send('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n')).status;
}

describe.each(sites)('nginx -t has nothing to say about the flavour %s', (_, needing, options) => {
  it.each([
    ['without more options', {}],
    ['with many options', MORE],
  ])('complete, %s', async (_name, more) => {
    await using nginx = await NginxServer.start(({ port, directory }) =>
      nginxConf(
        { hosts: 'any', ...options, ...more },
        { app: '127.0.0.1:1', listen: port, directory, modulesDirectory: modulesDirectory(needing) },
      ),
    );
    expect(nginx.testOutput).toBe('');
    expect(await status(nginx)).toBe(502);
  });

  it.each([
    ['without more options', {}],
    ['with many options', MORE],
  ])("as includes of Debian's nginx.conf, two sites, %s", async (_name, more) => {
    await using nginx = await NginxServer.start(({ port, directory }) => {
      const pieces = ['blog', 'shop'].map((name) => {
        const deployment = { app: '127.0.0.1:1', directory: `${directory}/page-cache` };
        const conf = nginxConf({ ...options, ...more, prefix: `${name}:` }, deployment);
        const scripts = Object.entries(conf.files).map(([path, text]) => [`page-cache/${path}`, text]);
        return {
          [`page-cache/${name}-server.conf`]: conf.server,
          [`conf.d/${name}.conf`]: conf.http,
          [`sites-enabled/${name}`]: `server {
            listen 127.0.0.1:${port};
            server_name ${name}.example.com;
            include ${directory}/page-cache/${name}-server.conf;
          }`,
          ...(Object.fromEntries(scripts) as Record<string, string>),
        };
      });
      return debianNginx(directory, {
        ...Object.assign({}, ...pieces),
        'conf.d/hash.conf': 'variables_hash_max_size 4096; variables_hash_bucket_size 128;',
      });
    });
    expect(nginx.testOutput).toBe('');
    expect(await status(nginx)).toBe(502);
  });
});
