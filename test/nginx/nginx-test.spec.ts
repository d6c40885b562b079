import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf, type NginxCacheOptions, type NginxDeployment } from '../../lib/index.js';

const store = memcachedStore({ servers: '127.0.0.1:11211' });
const many = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => make(index));

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'conf-'));
  chmodSync(directory, 0o777);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What `nginx -t` says besides that all is well; with the number of open files that most systems allow. */
async function nginxTest(full: string): Promise<string> {
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, full);
  const command = `ulimit -Sn 1024; exec nginx -t -p "${directory}" -c "${file}" -e stderr -g "pid ${directory}/test.pid;"`;
  const { stderr } = await promisify(execFile)('/bin/sh', [
    '-c',
    command.replace(` -g "pid ${directory}/test.pid;"`, ''),
  ]).catch((error: { stderr: string }) => error);
  return stderr.replace(/^.*(?:syntax is ok|test is successful)\n/gm, '');
}

describe('nginx -t has nothing to say about', () => {
  const sites: Record<string, [Partial<NginxCacheOptions>, Partial<NginxDeployment>?]> = {
    'the defaults': [{}],
    'the options of the contract': [
      {
        prefix: 'blog:',
        ttl: 300_000,
        nginx: { flavour: 'memcached' },
        anonymousOnly: { sessionCookies: ['connect.sid'], ignoreCookies: [/^_ga/], isAnonymous: () => true },
        include: ['/', '/posts/*', /^\/tags\//],
        exclude: ['/admin/*', '/search'],
        query: { allow: ['page'], ignore: [/^utm_/, 'gclid', 'fbclid'] },
        hosts: ['example.com', 'www.example.com'],
        compress: 'gzip',
        maxPageBytes: 1_000_000,
        statuses: [200],
      },
    ],
    'every cookie': [{ anonymousOnly: false }],
    'no cookie': [{ anonymousOnly: { ignoreCookies: [] } }],
    'no session cookie': [{ anonymousOnly: { sessionCookies: [] } }],
    'odd characters in patterns': [
      { include: ['/"a\'{b};$c\\d#e'.replace('#', ''), /^\/["'{};$\\#~ ]+$/i], exclude: ['/käse/*', '/日本/*'] },
    ],
    'nothing included': [{ include: [] }],
    'no parameters': [{ query: { allow: [], ignore: [] } }],
    'many hosts, with IPv6': [
      { hosts: ['[::1]', ...many(100, (index) => `www.shop-${index}.some-company.example.com`)] },
    ],
    'many patterns': [
      { include: many(300, (index) => `/path/${index}/*`), exclude: many(300, (index) => `/path/${index}/x`) },
    ],
    'many names': [
      {
        anonymousOnly: { sessionCookies: many(200, (index) => `session_cookie_${index}*`) },
        query: { allow: many(40, (index) => `parameter_${index}`), ignore: many(60, (index) => `ignored_${index}`) },
      },
    ],
    'variants with as many values as fit': [
      {
        variants: [
          { name: 'a', cookie: 'city', values: many(164, (index) => `v${1000 + index}`), default: 'v1000' },
          {
            name: 'b',
            header: 'Accept-Language',
            values: many(88, (index) => `${'x'.repeat(36)}${1000 + index}`),
            default: `${'x'.repeat(36)}1000`,
          },
        ],
      },
    ],
    'an empty prefix': [{ prefix: '' }],
    'a prefix of digits': [{ prefix: '2026:' }],
    'a prefix of 100 bytes': [
      { prefix: 'a-long.prefix_'.repeat(8).slice(0, 100), include: ['/'], query: { allow: ['page'] } },
    ],
    'another content type': [{ nginx: { contentType: 'application/xhtml+xml; charset=iso-8859-1' } }],
    'a content type without charset': [{ nginx: { contentType: 'text/plain' } }],
    'unix sockets': [{ store: memcachedStore({ servers: 'unix:/run/memcached.sock' }) }, { app: 'unix:/run/app.sock' }],
    'IPv6 addresses': [
      { store: memcachedStore({ servers: '[::1]:11211' }) },
      { app: '[::1]:3000', listen: '[::1]:18081' },
    ],
    'several app servers': [{}, { app: ['127.0.0.1:3000', '127.0.0.1:3001', 'unix:/run/app.sock'] }],
    'proxies and locations': [
      {},
      {
        location: ['/', '= /blog/', '^~ /blog/', '/blog', '/blog'],
        trustedProxies: [
          '10.0.0.0/8',
          '10.0.0.0/8',
          '127.0.0.1',
          '192.168.4.0/22',
          '2001:db8::/33',
          '::1',
          '::ffff:a00:0/104',
        ],
      },
    ],
    'server names': [{}, { serverName: ['example.com', '*.example.com'], listen: '127.0.0.1:18081' }],
  };

  it.each(Object.entries(sites))('%s', async (_, [options, deployment]) => {
    const { full, files } = nginxConf(
      { store, hosts: 'any', ...options },
      { app: '127.0.0.1:3000', listen: 18_080, directory, ...deployment },
    );
    expect(await nginxTest(full)).toBe('');
    expect(files).toEqual({});
  });

  it('ten sites in one nginx, whatever their prefixes', async () => {
    const prefixes = [
      'blog:',
      'blog-',
      'Blog:',
      'blog',
      'shop:',
      '',
      'page:',
      '2x:',
      'my-long-site-name-1:',
      'my-long-site-name-2:',
    ];
    const sites = prefixes.map((prefix) =>
      nginxConf(
        { store, prefix, include: ['/'], exclude: ['/x'], query: { allow: ['page'] } },
        { app: '127.0.0.1:3000' },
      ),
    );
    const servers = sites.map(
      ({ server }, index) => `server { listen 127.0.0.1:18080; server_name s${index}; ${server} }`,
    );
    const full = `events {} http { variables_hash_max_size 8192; variables_hash_bucket_size 128; ${sites.map(({ http }) => http).join('\n')} ${servers.join('\n')} }`;
    expect(await nginxTest(full)).toBe('');
  });
});
