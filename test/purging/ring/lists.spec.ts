import type { HttpAdapterHost } from '@nestjs/core';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkOptions } from '../../../lib/configuration/check-options.js';
import { PageCacheDispatcher } from '../../../lib/events/page-cache-dispatcher.js';
import { memcachedStore } from '../../../lib/index.js';
import { PageKeys } from '../../../lib/page/page-key.js';
import { EditionKeeper } from '../../../lib/purging/edition-keeper.js';
import { PendingPurges } from '../../../lib/purging/pending-purges.js';
import { Purger } from '../../../lib/purging/purger.js';
import { PageStorage } from '../../../lib/stores/page-storage.js';
import { serverList } from '../../../lib/stores/server-list.js';
import { ConsistentHash } from '../../../lib/stores/memcached/ring/consistent-hash.js';
import type { MemcachedServer } from '../../../lib/testing/index.js';
import { addressOf } from '../../support/put-page.js';
import { startServers } from '../../support/ring-site.js';
import { context, page } from '../../stores/pages.js';

Logger.overrideLogger(false);

const PATHS = Array.from({ length: 40 }, (_, id) => `/posts/${id}`);

/** One process with its list of servers. */
class Process {
  readonly ring: ConsistentHash;
  readonly storage: PageStorage;
  readonly purger: Purger;
  readonly pending: PendingPurges;
  readonly keeper: EditionKeeper;

  constructor(
    readonly list: readonly MemcachedServer[],
    version = '1',
  ) {
    const servers = list.map(({ address }) => ({ address, weight: 1 }));
    this.ring = new ConsistentHash(servers);
    const definition = memcachedStore({ servers });
    const edition = { configuration: 'conf', version, servers: serverList(servers) };
    const all = { ...context, edition };
    const store = definition.openSpread?.(all) ?? definition.open(all);
    const options = checkOptions();
    const openServer = (address: string) => definition.openServer!(address, all);
    this.storage = new PageStorage({ on: () => {} } as never, store, context.prefix, () => {}, openServer);
    this.pending = new PendingPurges(this.storage);
    const dispatcher = new PageCacheDispatcher();
    this.purger = new Purger(options, new PageKeys(options), this.storage, this.pending, dispatcher);
    const host = { httpAdapter: { getHttpServer: () => ({}) } } as unknown as HttpAdapterHost;
    this.keeper = new EditionKeeper(this.storage, this.purger, dispatcher, host);
  }

  async start(): Promise<this> {
    await this.keeper.onApplicationBootstrap();
    await this.storage.start();
    return this;
  }

  /** Stores a page. @returns `stored`, or why not */
  async put(path: string): Promise<string> {
    const write = await this.storage.renew(addressOf(`page:${path}`), this.storage.arrive());
    if (!write) return 'store-down';
    const result = await write.commit(page(path), 0);
    return result.stored ? 'stored' : result.reason;
  }

  /** The server of a page by the list of this process. */
  serverOf(path: string): MemcachedServer {
    return this.list[this.ring.serverOf(`page:${path}`)]!;
  }

  async stop(): Promise<void> {
    this.keeper.onModuleDestroy();
    this.pending.close();
    await this.storage.close();
  }
}

describe('a list of servers that changes', () => {
  let servers: MemcachedServer[];
  const processes: Process[] = [];
  beforeEach(async () => (servers = await startServers(3)));
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((one) => one.stop()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  const process = (places: readonly number[], version?: string) => {
    const one = new Process(
      places.map((place) => servers[place]!),
      version,
    );
    processes.push(one);
    return one;
  };
  const started = (places: readonly number[], version?: string) => process(places, version).start();
  const putAll = async (by: Process) => {
    for (const path of PATHS) await expect.poll(() => by.put(path)).toBe('stored');
  };
  /** The paths of the pages on each server. */
  const stored = () =>
    Promise.all(
      servers.map(async (server) => (await server.keys()).map((key) => key.slice('page:'.length)).toSorted()),
    );
  /** What each server has when it has nothing but its own pages, of those given. */
  const ownOf = (by: Process, paths: readonly string[] = PATHS) =>
    servers.map((server) => paths.filter((path) => by.serverOf(path) === server).toSorted());

  it.each([
    ['added', [0, 1], [0, 1, 2]],
    ['removed', [0, 1, 2], [0, 1]],
    ['added to one', [0], [0, 1]],
  ])('a server is %s: only its share moves, and no copy stays where nobody purges it', async (_, before, after) => {
    const old = await started(before);
    await putAll(old);
    const now = await started(after);
    const unmoved = PATHS.filter((path) => now.serverOf(path) === old.serverOf(path));
    expect(unmoved.length).toBeGreaterThan(PATHS.length / 10);
    expect(unmoved.length).toBeLessThan(PATHS.length);
    expect(await stored()).toEqual(ownOf(now, unmoved));
    await putAll(now);
    expect(await stored()).toEqual(ownOf(now));
  });

  it('several processes start with the new list at once: still only its share moves', async () => {
    const old = await started([0, 1]);
    await putAll(old);
    const now = process([0, 1, 2]);
    await Promise.all([now.start(), process([0, 1, 2]).start(), process([2, 1, 0]).start()]);
    const unmoved = PATHS.filter((path) => now.serverOf(path) === old.serverOf(path));
    expect(await stored()).toEqual(ownOf(now, unmoved));
    expect(await now.put(unmoved[0]!)).toBe('stored');
  });

  it('a process with the old list stores nothing any more, and its purges go to the servers of both lists', async () => {
    const old = await started([0, 1]);
    const now = await started([0, 1, 2]);
    await putAll(now);
    for (const path of PATHS) {
      await old.purger.purge({ kind: 'targets', targets: [{ target: path }] });
      expect(await now.serverOf(path).send(`mg page:${path}`)).toBe('EN\r\n');
    }
    expect(await old.put('/posts/1')).toBe('other-servers');
    await putAll(now);
    await old.purger.purge({ kind: 'under', path: '/posts' });
    expect(await stored()).toEqual([[], [], []]);
  });

  it('what a process with the old list has been rendering is not stored either', async () => {
    const old = await started([0, 1]);
    const moving = PATHS.find((path) => new Process(servers).serverOf(path) === servers[2])!;
    const write = await old.storage.renew(addressOf(`page:${moving}`), old.storage.arrive());
    await started([0, 1, 2]);
    expect(await write!.commit(page('old'), 0)).toEqual({ stored: false, reason: 'other-servers' });
    expect(await stored()).toEqual([[], [], []]);
  });

  it('the old list comes back: what the removed server still has from then is never served', async () => {
    const one = await started([0, 1, 2]);
    await putAll(one);
    const onRemoved = PATHS.filter((path) => one.serverOf(path) === servers[2]);
    await one.stop();
    // It is cut off while it is removed, and keeps its memory.
    servers[2]!.pause();
    const two = await started([0, 1]);
    await putAll(two);
    for (const path of onRemoved) await two.purger.purge({ kind: 'targets', targets: [{ target: path }] });
    await two.stop();
    servers[2]!.resume();
    expect((await stored())[2]).toEqual(onRemoved.toSorted());
    const three = await started([0, 1, 2]);
    const kept = PATHS.filter((path) => two.serverOf(path) === three.serverOf(path) && !onRemoved.includes(path));
    expect(await stored()).toEqual(ownOf(three, kept));
  });

  it('a server that was away during a deploy keeps nothing when the version of before comes back', async () => {
    const one = await started([0, 1, 2], '1');
    await putAll(one);
    await one.stop();
    servers[2]!.pause();
    await (await started([0, 1, 2], '2')).stop();
    servers[2]!.resume();
    expect((await stored())[2]).not.toEqual([]);
    await started([0, 1, 2], '1');
    expect(await stored()).toEqual([[], [], []]);
  });

  it('another start with the same list keeps everything', async () => {
    await putAll(await started([0, 1, 2]));
    await started([2, 0, 1]);
    const now = process([0, 1, 2]);
    expect(await stored()).toEqual(ownOf(now));
  });
});
