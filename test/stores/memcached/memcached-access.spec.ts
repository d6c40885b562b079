import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { memcachedStore, nginxConf, type NginxCacheOptions, PageCacheService } from '../../../lib/index.js';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import { memcachedStats } from '../../../lib/stores/memcached/memcached-stats.js';
import { findProgram } from '../../../lib/testing/find-program.js';
import { onFreePort } from '../../../lib/testing/free-port.js';
import { NginxServer, pageCacheMatchers } from '../../../lib/testing/index.js';
import { ServerProcess } from '../../../lib/testing/server-process.js';
import { POSTS, PostsController } from '../../purging/ring/posts.controller.js';
import { accepts } from '../../support/accepts.js';
import { startApplication } from '../../support/applications.js';
import { selfSigned } from '../../support/certificate.js';
import { modulesDirectory } from '../../support/nginx-modules.js';
import { patient } from '../../support/patience.js';
import { answer } from '../../support/site.js';

expect.extend(pageCacheMatchers);

const NAME = 'memcached.example.com';
const { certificate: ca, key } = selfSigned(NAME);
const credentials = { username: 'site', password: 'a-secret:of-signs' };

let directory: string;
const started: ServerProcess[] = [];

/** A memcached with other arguments than those of the tests. */
async function start(...args: string[]): Promise<string> {
  const user = process.getuid?.() === 0 ? ['-u', 'root'] : [];
  return onFreePort(async (port) => {
    const all = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', ...user, ...args];
    started.push(await ServerProcess.start(findProgram('memcached'), all, directory));
    await vi.waitUntil(() => accepts(port), { timeout: 60_000 });
    return `127.0.0.1:${port}`;
  });
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'access-'));
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, 'certificate.pem'), ca);
  writeFileSync(join(directory, 'key.pem'), key);
  writeFileSync(join(directory, 'users'), `${credentials.username}:${credentials.password}\n`);
});
afterAll(async () => {
  await Promise.all(started.map((server) => server.terminate()));
  rmSync(directory, { recursive: true });
});

const startTls = () =>
  start('-Z', '-o', `ssl_chain_cert=${join(directory, 'certificate.pem')},ssl_key=${join(directory, 'key.pem')}`);
const startGuarded = () => start('-Y', join(directory, 'users'));

describe('tls', () => {
  it('the application stores and purges by TLS, and nginx reads through a TLS client of its own', async () => {
    PostsController.version = 1;
    const tls = { ca, servername: NAME };
    const options: NginxCacheOptions = { hosts: 'any', store: memcachedStore({ servers: await startTls(), tls }) };
    const { app, address } = await startApplication({
      platform: 'fastify',
      controllers: [PostsController],
      logger: false,
      options,
    });
    const nginx = await NginxServer.start(({ port, directory: own }) => {
      const modules = modulesDirectory('stream');
      const conf = nginxConf(options, { app: address, listen: port, directory: own, modulesDirectory: modules });
      return { ...conf, full: patient(conf.full) };
    });
    try {
      for (const path of POSTS) {
        await expect.poll(() => answer(nginx.url + path)).toBePageCacheHit();
      }
      const pages = app.get(PageCacheService);
      PostsController.version = 2;
      expect(await pages.purgeUnder('/posts')).toMatchObject({ purged: POSTS.length });
      expect((await answer(nginx.url + POSTS[0])).body.toString()).toContain('version 2');
    } finally {
      await app.close();
      await nginx.stop();
    }
  });

  it('the statistics of a server come by TLS, too', async () => {
    const server = await startTls();
    expect((await memcachedStats(server, { tls: { ca, servername: NAME } })).get('item_size_max')).toBe('1048576');
  });

  it('a server with a certificate from somebody else, or with another name, is not talked to', async () => {
    const server = await startTls();
    for (const tls of [{ servername: NAME }, { ca, servername: 'other.example.com' }, { ca }]) {
      const client = new MemcachedClient(server, { tls });
      await expect(client.deleteMany(['page:/'])).rejects.toThrow(/certificate|altnames/);
      await client.close();
    }
  });
});

describe('credentials', () => {
  it('are the first that each connection says, of listings too', async () => {
    const client = new MemcachedClient(await startGuarded(), { credentials });
    await client.set('page:/', { bytes: Buffer.from('hello'), flags: 0 }, 0);
    expect((await client.items('page:')).map(({ key: name }) => name)).toEqual(['page:/']);
    await client.close();
  });

  it('are said to a server whose statistics are asked for', async () => {
    const server = await startGuarded();
    expect((await memcachedStats(server, { credentials })).get('version')).toMatch(/^1\./);
    await expect(memcachedStats(server, {})).rejects.toThrow(/stats failed: .*unauthenticated/);
  });

  it.each([undefined, { username: 'site', password: 'wrong' }])('%j: the server is down', async (given) => {
    const client = new MemcachedClient(await startGuarded(), { credentials: given });
    await expect(client.deleteMany(['page:/'])).rejects.toThrow(/unauthenticated|authentication failure/);
    await client.close();
  });
});

describe('nginx', () => {
  it.each([
    [{ servers: 'a.example:11211', credentials }, 'nginx cannot authenticate'],
    [{ servers: ['a.example:11211', 'b.example:11211'], tls: { ca } }, 'several servers'],
    [{ servers: 'a.example:11211', tls: {} }, 'memcachedStore.tls.ca'],
    [{ servers: '127.0.0.1:11211', tls: { ca } }, 'memcachedStore.tls.servername'],
  ])('cannot read from %j', (options, reason) => {
    const store = memcachedStore(options);
    expect(() => nginxConf({ store, hosts: 'any' }, { app: '127.0.0.1:3000' })).toThrow(reason);
  });

  it('knows the name in the certificate of localhost, as the application does', () => {
    const store = memcachedStore({ servers: 'localhost:11211', tls: { ca } });
    const { stream } = nginxConf({ store, hosts: 'any' }, { app: '127.0.0.1:3000' });
    expect(stream).toContain('proxy_ssl_name localhost;');
  });

  it('no error shows a password', () => {
    const wrong = { servers: 'a.example:11211', credentials: { username: 'a b', password: 'secret' } };
    expect(() => memcachedStore(wrong)).toThrow('credentials.username');
    const worse = { servers: 'a.example:11211', credentials: { username: 'a', password: 'secret\n' } };
    expect(() => memcachedStore(worse)).toThrow(/^(?!.*secret)/s);
  });
});
