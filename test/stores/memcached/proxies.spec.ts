import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  memcachePp,
  memcachedStore,
  nginxConf,
  type NginxCacheOptions,
  OnPageCache,
  PageCacheFailed,
  PageCacheService,
} from '../../../lib/index.js';
import { onFreePort } from '../../../lib/testing/free-port.js';
import { freePort, type MemcachedServer, NginxServer, pageCacheMatchers } from '../../../lib/testing/index.js';
import { ServerProcess } from '../../../lib/testing/server-process.js';
import { POSTS, PostsController } from '../../purging/ring/posts.controller.js';
import { accepts } from '../../support/accepts.js';
import { startApplication } from '../../support/applications.js';
import { patient } from '../../support/patience.js';
import { startServers } from '../../support/ring-site.js';
import { answer } from '../../support/site.js';
import { answering, clientOf } from './clients.js';

expect.extend(pageCacheMatchers);

let directory: string;
let servers: MemcachedServer[];
let proxy: ServerProcess;
let address: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'proxies-'));
  servers = await startServers(2);
  const [program = 'nutcracker'] = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .map((place) => join(place, 'nutcracker'))
    .filter((path) => existsSync(path));
  proxy = await onFreePort(async (port) => {
    address = `127.0.0.1:${port}`;
    const file = join(directory, 'nutcracker.yml');
    const list = servers.map((server) => `    - ${server.address}:1\n`).join('');
    writeFileSync(file, `pages:\n  listen: ${address}\n  hash: fnv1a_64\n  distribution: ketama\n  servers:\n${list}`);
    const logs = ['-o', '/dev/stderr', '-p', join(directory, 'nutcracker.pid')];
    const stats = ['-a', '127.0.0.1', '-s', String(await freePort())];
    const started = await ServerProcess.start(program, ['-c', file, ...logs, ...stats], directory);
    await vi.waitUntil(() => accepts(port), { timeout: 60_000 });
    return started;
  });
});

afterAll(async () => {
  await proxy?.terminate();
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(directory, { recursive: true });
});

it('through twemproxy, a client of classic commands stores pages, nginx finds them, and purges of paths delete them', async () => {
  PostsController.version = 1;
  const options: NginxCacheOptions = {
    hosts: 'any',
    compress: false,
    store: memcachedStore({ client: memcachePp(address) }),
  };
  const { app, address: place } = await startApplication({
    platform: 'express',
    controllers: [PostsController],
    logger: false,
    options,
  });
  const nginx = await NginxServer.start(({ port, directory: own }) => {
    const conf = nginxConf(options, { app: place, listen: port, directory: own });
    return { ...conf, full: patient(conf.full) };
  });
  try {
    const get = (path: string) => answer(nginx.url + path);
    for (const path of POSTS) await expect.poll(() => get(path)).toBePageCacheHit();
    const pages = app.get(PageCacheService);
    PostsController.version = 2;
    await pages.purge(...POSTS.slice(0, 3));
    for (const path of POSTS.slice(0, 3)) expect((await get(path)).body.toString()).toContain('version 2');
    for (const path of POSTS.slice(3)) expect((await get(path)).body.toString()).toContain('version 1');
    await expect(pages.purgeUnder('/posts')).rejects.toThrow();
  } finally {
    await app.close();
    await nginx.stop();
  }
});

it('the built-in client says at the start that a proxy does not do, and the site goes on without', async () => {
  const reasons: string[] = [];
  class Failures {
    @OnPageCache(PageCacheFailed)
    onFailed({ error }: PageCacheFailed) {
      reasons.push(String(error));
    }
  }
  const { app, url } = await startApplication({
    platform: 'fastify',
    controllers: [PostsController],
    logger: false,
    providers: [Failures],
    options: { hosts: 'any', store: memcachedStore({ servers: address }) },
  });
  try {
    await expect.poll(() => reasons.join('\n')).toContain('does not speak the meta protocol');
    expect(await answer(`${url}/posts/1`)).toMatchObject({ code: 200 });
  } finally {
    await app.close();
  }
});

it('a proxy that closes the connection at a listing, as memcached’s own does, is named, and not used any more', async () => {
  const ANSWERS: Readonly<Record<string, string>> = {
    mn: 'MN\r\n',
    'mg page:/ v f': 'EN\r\n',
    stats: 'STAT curr_items 0\r\nEND\r\n',
    'stats settings': 'STAT proxy_enabled yes\r\nEND\r\n',
  };
  const own = await answering((socket) =>
    socket.on('data', (data) => {
      for (const line of data.toString().split('\r\n')) {
        if (line.startsWith('lru_crawler')) socket.end();
        else socket.write(ANSWERS[line.trim()] ?? '');
      }
    }),
  );
  const client = clientOf(own);
  expect(await client.get('page:/')).toBeUndefined();
  await expect(client.keys('page:').next()).rejects.toThrow("list failed: the server is memcached's proxy");
  // It stores nothing any more: the journal and the page could be on different servers.
  await expect(client.get('page:/')).rejects.toThrow("the server is memcached's proxy");
  await client.close();
});
