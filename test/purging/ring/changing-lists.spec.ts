import { expect, it } from 'vitest';
import { memcachedStore, nginxConf, PageCacheService, PurgeIncompleteError } from '../../../lib/index.js';
import { PageStorage } from '../../../lib/stores/page-storage.js';
import { ConsistentHash } from '../../../lib/stores/memcached/ring/consistent-hash.js';
import { type MemcachedServer, NginxServer, pageCacheMatchers } from '../../../lib/testing/index.js';
import { startApplication } from '../../support/applications.js';
import { PageLog } from '../../support/page-log.js';
import { patient } from '../../support/patience.js';
import { startServers } from '../../support/ring-site.js';
import { answer } from '../../support/site.js';
import { POSTS, PostsController } from './posts.controller.js';

expect.extend(pageCacheMatchers);

async function isOn(server: MemcachedServer, path: string): Promise<boolean> {
  return !(await server.send(`mg page:${path}`)).startsWith('EN');
}

/** Visits a page, and says whether it is stored now. */
function put(url: string, path: string, server: MemcachedServer): () => Promise<boolean> {
  return async () => {
    await answer(url + path);
    return isOn(server, path);
  };
}

it('nginx and two applications learn of a new list one after the other: no page is stale, and all become hits again', async () => {
  PostsController.version = 1;
  const servers = await startServers(3);
  const addresses = servers.map(({ address }) => address);
  const lists = [addresses.slice(0, 2), addresses.slice(0, 2)];
  const optionsOf = (store: ReturnType<typeof memcachedStore>) => ({ hosts: 'any' as const, store });
  const applications = await Promise.all(
    lists.map((_, at) =>
      startApplication({
        platform: 'fastify',
        controllers: [PostsController],
        logger: false,
        providers: [PageLog],
        options: optionsOf(memcachedStore({ servers: async () => lists[at]!, refreshInterval: 1000 })),
      }),
    ),
  );
  const [one, two] = applications.map(({ app }) => app.get(PageCacheService));
  const confOf =
    (list: readonly string[], app: string) =>
    ({ port, directory }: { port: number; directory: string }) => {
      const store = memcachedStore({ servers: list });
      const conf = nginxConf(optionsOf(store), { app, listen: port, directory });
      return { ...conf, full: patient(conf.full) };
    };
  const nginx = await NginxServer.start(confOf(lists[0]!, applications[0]!.address));
  const get = (path: string) => answer(nginx.url + path);
  const allHits = async () => {
    for (const path of POSTS) await expect.poll(() => get(path)).toBePageCacheHit();
  };
  /** Whoever purges, and whatever the others know: nothing from before is there. */
  const purgedBy = async (pages: PageCacheService, targets = POSTS) => {
    PostsController.version += 1;
    await pages.purge(...targets);
    for (const path of targets) {
      const { body } = await get(path);
      expect(body.toString(), path).toBe(`post ${path.slice('/posts/'.length)}, version ${PostsController.version}`);
    }
  };
  try {
    await allHits();
    // The second application learns of it first.
    lists[1] = addresses;
    const isUsed = async () => {
      for (const path of POSTS) await answer(applications[1]!.url + path);
      return (await servers[2]!.keys()).length > 0;
    };
    await expect.poll(isUsed).toBe(true);
    await purgedBy(one!);
    await purgedBy(two!);
    expect((await get('/posts/0')).status).toContain('detail=other-servers');
    // Then nginx.
    await nginx.reload(confOf(addresses, applications[0]!.address));
    await purgedBy(one!);
    await purgedBy(two!);
    expect((await get('/posts/0')).status).toContain('detail=other-configuration'); // And the first application last.
    lists[0] = addresses;
    await allHits();
    await purgedBy(one!, POSTS.slice(0, 5));
    await purgedBy(two!, POSTS.slice(5));
    await allHits();
    expect((await Promise.all(servers.map(async (server) => (await server.keys()).length))).every(Boolean)).toBe(true);
  } finally {
    await Promise.all(applications.map(({ app }) => app.close()));
    await nginx.stop();
    await Promise.all(servers.map((server) => server.stop()));
  }
});

it.each(['refresh', 'publish'] as const)(
  '%s() by an application with the list of before: no older page stays on a server that it does not know',
  async (way) => {
    PostsController.version = 1;
    const servers = await startServers(3);
    const addresses = servers.map(({ address }) => address);
    const start = (list: readonly string[]) =>
      startApplication({
        platform: 'fastify',
        controllers: [PostsController],
        logger: false,
        providers: [PageLog],
        options: { hosts: 'any', store: memcachedStore({ servers: list }) },
      });
    const old = await start(addresses.slice(0, 2));
    const now = await start(addresses);
    const ring = new ConsistentHash(addresses.map((address) => ({ address, weight: 1 })));
    const moved = POSTS.filter((path) => ring.serverOf(`page:${path}`) === 2);
    try {
      for (const path of moved) await expect.poll(put(now.url, path, servers[2]!)).toBe(true);
      for (const path of moved) {
        await old.app.get(PageCacheService)[way](path);
        expect(await isOn(servers[2]!, path), path).toBe(false);
      }
    } finally {
      await Promise.all([old, now].map(({ app }) => app.close()));
      await Promise.all(servers.map((server) => server.stop()));
    }
  },
);

it('a purge that waits for a server waits for it in the next list as well, and a list that cannot be read is none', async () => {
  PostsController.version = 1;
  const servers = await startServers(3);
  const addresses = servers.map(({ address }) => address);
  let list: () => readonly string[] = () => addresses.slice(0, 2);
  const { app, url } = await startApplication({
    platform: 'fastify',
    controllers: [PostsController],
    logger: false,
    providers: [PageLog],
    options: { hosts: 'any', store: memcachedStore({ servers: async () => list(), refreshInterval: 1000 }) },
  });
  const pages = app.get(PageCacheService);
  try {
    const rings = [addresses.slice(0, 2), addresses].map((all) => all.map((address) => ({ address, weight: 1 })));
    const [before, after] = rings.map((ring) => new ConsistentHash(ring));
    const path = Array.from({ length: 1000 }, (_, id) => `/posts/${id}`).find(
      (one) => before!.serverOf(`page:${one}`) === 0 && after!.serverOf(`page:${one}`) === 0,
    )!;
    await expect.poll(put(url, path, servers[0]!)).toBe(true);
    servers[0]!.pause();
    await expect(pages.purge(path)).rejects.toBeInstanceOf(PurgeIncompleteError);
    list = () => addresses;
    const isUsed = async () => {
      for (const post of POSTS) await answer(url + post);
      return (await servers[2]!.keys()).length > 0;
    };
    await expect.poll(isUsed).toBe(true);
    // Nothing is stored there before.
    expect(app.get(PageStorage).parts.map(({ journal }) => journal.held)).toEqual([true, false, false]);
    servers[0]!.resume();
    await expect.poll(() => isOn(servers[0]!, path)).toBe(false);
    let reads = 0;
    list = () => {
      reads += 1;
      if (reads === 1) throw new Error('nobody knows');
      return [];
    };
    await expect.poll(() => reads).toBeGreaterThan(2);
    await expect.poll(put(url, path, servers[0]!)).toBe(true);
  } finally {
    await app.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
});
