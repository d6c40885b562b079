import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf, type NginxCacheOptions, type NginxDeployment } from '../../lib/index.js';
import { MemcachedServer, NginxServer, RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { FLAVOURS, startFlavour } from '../support/flavours.js';
import { NameServer } from '../support/name-server.js';
import { modulesDirectory } from '../support/nginx-modules.js';
import { isNginxBefore, nginxVersion } from '../support/nginx-version.js';
import { patient } from '../support/patience.js';
import { storedPage } from '../support/raw-flavour.js';
import { RawBackend } from './raw-backend.js';

const temporaryPaths = (place: string) =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${place}/${of};`).join(' ');

/** nginx with pages in memcached, in front of an application of a few bytes. */
async function start(deployment: Partial<NginxDeployment>, options: NginxCacheOptions = {}, around = '') {
  const memcached = await MemcachedServer.start();
  const app = await RawBackend.start();
  const all: NginxCacheOptions = { hosts: 'any', store: memcachedStore({ servers: memcached.address }), ...options };
  const nginx = await NginxServer.start(({ port, directory }) => {
    const modules = modulesDirectory(all.nginx?.flavour);
    const conf = nginxConf(all, {
      app: `127.0.0.1:${app.port}`,
      listen: port,
      directory,
      modulesDirectory: modules,
      ...deployment,
    });
    if (around === '') return { ...conf, full: patient(conf.full) };
    const full = `
      pid ${directory}/nginx.pid; error_log ${directory}/error.log; events {}
      http {
        ${temporaryPaths(directory)} access_log off;
        variables_hash_max_size 4096; variables_hash_bucket_size 128;
        ${patient(conf.http)}
        server { listen 127.0.0.1:${port}; ${around} ${patient(conf.server)} }
      }`;
    return { full, files: conf.files };
  });
  const client = new RawClient(nginx.port);
  return {
    app,
    memcached,
    nginx,
    get: (target: string, ...fields: string[]) =>
      client.send([`GET ${target} HTTP/1.1`, 'Host: example.com', ...fields, '\r\n'].join('\r\n')),
    put: (key: string, value: string) => memcached.send(`set ${key} 0 0 ${value.length}\r\n${value}`),
    [Symbol.asyncDispose]: async () => {
      client.close();
      await nginx.stop();
      app.stop();
      await memcached.stop();
    },
  };
}

describe('locations', () => {
  it('may be others than /, beside those of the site', async () => {
    await using site = await start({ location: ['= /', '/blog/', '^~ /shop/'] }, {}, 'location / { return 200 own; }');
    for (const target of ['/', '/blog/1', '/shop/1', '/other']) await site.put(`page:${target}`, 'stored');
    for (const target of ['/', '/blog/1', '/shop/1']) {
      const hit = await site.get(target);
      expect([hit.body.toString(), field(hit, 'cache-status')]).toEqual(['stored', 'nginx; hit']);
    }
    expect((await site.get('/other')).body.toString()).toBe('own');
    const miss = await site.get('/blog/2?utm_x=1');
    expect([miss.body.toString(), site.app.last.split('\r\n')[0]]).toEqual(['app', 'GET /blog/2?utm_x=1 HTTP/1.1']);
    expect(site.app.field('X-Page-Cache-Key')).toBe('page:/blog/2');
    await site.get('/blog/1', 'Cookie: sid=1');
    expect(site.app.field('X-Page-Cache-Key')).toBe('bypass cookie ');
  });

  it('do not make nginx redirect to their slash: /blog is an address of its own', async () => {
    const location = ['= /', '/blog/', '^~ /shop/', '= /exact/'];
    await using site = await start({ location }, { trailingSlash: 'allow' }, 'location / { return 200 own; }');
    for (const target of ['/blog', '/shop', '/exact']) {
      const { status, body } = await site.get(target);
      expect([target, status, body.toString()]).toEqual([target, 200, 'own']);
      await site.put(`page:${target}/`, 'stored');
      const hit = await site.get(`${target}/`);
      expect([hit.body.toString(), field(hit, 'cache-status')]).toEqual(['stored', 'nginx; hit']);
    }
    expect((await site.get('/blog/1')).body.toString()).toBe('app');
    expect(site.app.field('X-Page-Cache-Key')).toBe('page:/blog/1');
  });

  it('in a whole nginx.conf, there is nothing at other addresses', async () => {
    await using site = await start({ location: '/blog/' });
    expect([(await site.get('/')).status, (await site.get('/blog/1')).status]).toEqual([404, 200]);
    expect(site.app.received).toHaveLength(1);
  });

  it.each(FLAVOURS.filter(({ flavour }) => flavour))('work with $name', async ({ flavour, ...under }) => {
    await using site = await startFlavour({ flavour, ...under }, 'express', {}, { location: ['/com', '= /value'] });
    const { outcome, second } = await site.twice('/compressible');
    expect([outcome, field(second, 'cache-status')]).toEqual(['stored', 'nginx; hit']);
  });
});

describe('proxySetHeader', () => {
  it('adds fields, and replaces those of nginx, on both ways to the application', async () => {
    const proxySetHeader = { 'X-Request-Id': '$request_id', 'X-real-ip': '192.0.2.1', 'X-Text': 'a "b" \\ {$uri};#' };
    await using site = await start({ proxySetHeader });
    for (const cookie of [[], ['Cookie: sid=1']]) {
      await site.get('/a', 'X-Real-IP: 1', ...cookie);
      expect(site.app.field('X-Request-Id')).toMatch(/^[0-9a-f]{32}$/);
      expect(site.app.last.match(/^x-real-ip: [^\r]*/gim)).toEqual(['X-real-ip: 192.0.2.1']);
      expect(site.app.field('X-Text')).toBe('a "b" \\ {/a};#');
      expect(site.app.field('X-Forwarded-Proto')).toBe('http');
    }
  });
});

describe('trustedProxies', () => {
  it.each([
    ['a trusted load balancer', ['127.0.0.0/8'], 'https', 'https'],
    ['a trusted load balancer', ['::1', '127.0.0.1'], 'HTTP', 'http'],
    ['a trusted load balancer that says nothing', ['127.0.0.1'], '', 'http'],
    ['a trusted load balancer that says nonsense', ['127.0.0.1'], 'https, http', 'http'],
    ['anybody else', ['192.0.2.0/24'], 'https', 'http'],
    ['nobody', [], 'https', 'http'],
  ])('tell the application of the scheme that %s (%j) has named', async (_, trustedProxies, said, seen) => {
    await using site = await start({ trustedProxies });
    for (const cookie of [[], ['Cookie: sid=1']]) {
      await site.get('/a', `X-Forwarded-Proto: ${said}`, ...cookie);
      expect(site.app.field('X-Forwarded-Proto')).toBe(seen);
    }
  });

  it('are recognised by their own address where real_ip_header puts that of the visitor in its place', async () => {
    const realIp = 'set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;';
    await using site = await start({ trustedProxies: ['127.0.0.1'] }, {}, realIp);
    await site.get('/a', 'X-Forwarded-Proto: https', 'X-Forwarded-For: 192.0.2.1');
    expect([site.app.field('X-Forwarded-Proto'), site.app.field('X-Real-IP')]).toEqual(['https', '192.0.2.1']);
  });
});

describe('resolver', () => {
  /** nginx asks again after 10 seconds where it does so by itself. */
  const SOON = { timeout: 60_000 };

  it.each(['memcached', 'njs', 'srcache'] as const)(
    'lets nginx (%s) start before the names of memcached and the application resolve',
    async (flavour) => {
      using names = await NameServer.start();
      await using site = await start({});
      const port = site.memcached.address.split(':')[1];
      const options = { store: memcachedStore({ servers: `memcached.test:${port}` }), nginx: { flavour } };
      await using nginx = await NginxServer.start(({ port: listen, directory }) => {
        const conf = nginxConf(
          { hosts: 'any', ...options },
          {
            app: `app.test:${site.app.port}`,
            listen,
            directory,
            resolver: names.address,
            nginxVersion: nginxVersion(),
            ...(flavour !== 'memcached' || isNginxBefore('1.27.3') ? { modulesDirectory: modules(flavour) } : {}),
          },
        );
        return { ...conf, full: patient(conf.full) };
      });
      await using client = new RawClient(nginx.port);
      const get = () => client.send('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await get()).status).toBe(502);
      names.names.add('app.test');
      await expect.poll(async () => (await get()).body.toString(), SOON).toBe('app');
      const page = flavour === 'memcached' ? Buffer.from('stored') : storedPage();
      await site.put(flavour === 'memcached' ? 'page:/a' : 'page:;response/a', page.toString('latin1'));
      expect((await get()).body.toString()).toBe('app');
      names.names.add('memcached.test');
      await expect.poll(async () => (await get()).body.toString(), SOON).toBe('stored');
    },
  );

  it('without it, nginx does not start', async () => {
    const store = memcachedStore({ servers: 'memcached.test:11211' });
    await expect(
      NginxServer.start(({ port, directory }) =>
        nginxConf({ hosts: 'any', store }, { app: '127.0.0.1:1', listen: port, directory }),
      ),
    ).rejects.toThrow('host not found in upstream "memcached.test:11211"');
  });

  it('leaves addresses alone, and names to nginx itself where that can look for them', () => {
    const servers = [
      'memcached.test:11211',
      '127.0.0.1:11211',
      'unix:/run/memcached.sock',
      '[::1]:11211',
      'localhost:1',
    ];
    const place = { app: ['app.test:3000', '[::1]:3000'], resolver: ['127.0.0.11', '[::1]:5353'], directory: '/d' };
    const conf = (nginxVersion?: string) =>
      servers.map((server) =>
        nginxConf({ store: memcachedStore({ servers: server }) }, nginxVersion ? { ...place, nginxVersion } : place),
      );
    for (const { http, stream } of conf('1.27.3')) {
      expect(http).toContain('server app.test:3000 resolve;');
      expect(http).toContain('resolver 127.0.0.11 [::1]:5353 valid=10s;');
      expect(stream).toBe('');
    }
    const sought = conf('1.27.2').map(({ stream }) => [...stream.matchAll(/set \S+ "(.*)";/g)].map(([, name]) => name));
    expect(sought).toEqual([
      ['app.test:3000', 'memcached.test:11211'],
      ...Array.from({ length: 4 }, () => ['app.test:3000']),
    ]);
  });

  const modules = (flavour: 'memcached' | 'njs' | 'srcache') => {
    const directory = modulesDirectory('stream');
    expect(modulesDirectory(flavour)).toBe(directory);
    return directory;
  };
});

describe('logs', () => {
  it('go to the standard streams when they are told to', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'logs-'));
    await using site = await start({});
    const { full, files } = nginxConf(
      { hosts: 'any', store: memcachedStore({ servers: '127.0.0.1:1' }) },
      { app: `127.0.0.1:${site.app.port}`, listen: `unix:${directory}/nginx.sock`, directory, logs: 'streams' },
    );
    expect(files).toEqual({});
    mkdirSync(join(directory, 'logs'));
    writeFileSync(join(directory, 'nginx.conf'), full);
    const curl = `curl -s --unix-socket "$1/nginx.sock" http://a/page`;
    const script = `
      nginx -p "$1" -c "$1/nginx.conf" -e stderr -g 'daemon off;' >"$1/requests" 2>"$1/errors" & nginx=$!
      until ${curl}; do sleep 0.05; done
      kill -QUIT $nginx; wait $nginx`;
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script, 'logs', directory]);
    expect(stdout).toBe('app');
    expect(readFileSync(join(directory, 'requests'), 'utf8')).toMatch(/"GET \/page HTTP\/1\.1" 200/);
    // memcached is not there.
    expect(readFileSync(join(directory, 'errors'), 'utf8')).toMatch(/connect\(\) failed/);
    rmSync(directory, { recursive: true });
  });
});

it('lets go of idle connections before Node does', () => {
  const { http } = nginxConf({ store: memcachedStore({ servers: '127.0.0.1:1' }) }, { app: '127.0.0.1:2' });
  expect(http).toMatch(/upstream \w+_app \{[^}]*keepalive_timeout 4s;/);
});
