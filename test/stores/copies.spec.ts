import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { keyvStore, memcachePp } from '../../lib/index.js';
import { fileStore } from '../../lib/stores/files/file-store.js';
import { memcachedStore } from '../../lib/stores/memcached/memcached-store.js';
import { memoryStore } from '../../lib/stores/memory/memory-store.js';
import type { PageStore, PageStoreDefinition } from '../../lib/stores/page-store.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { temporaryRoot } from '../support/files-site.js';
import { patientStore } from '../support/patience.js';
import { putPage } from '../support/put-page.js';
import { collect, context, page } from './pages.js';

const KEY = 'page:/a';
/** In milliseconds. */
const TTL = 100;
const STALE = { whileRevalidate: 60_000, ifError: 600_000 };
const copies = { ...context, keepsCopies: true };

describe.each(['memory', 'memcached', 'files'])('the copy of a page in %s', (kind) => {
  let memcached: MemcachedServer;
  let root: string;
  let store: PageStore;
  /** Another process; with memory, the same. */
  let other: PageStore;

  beforeAll(async () => {
    memcached = await MemcachedServer.start();
  });
  afterAll(() => memcached?.stop());
  beforeEach(async () => {
    // Nothing is taken off the ttl.
    vi.spyOn(Math, 'random').mockReturnValue(0);
    root = temporaryRoot();
    await memcached.flush();
    const kinds: Record<string, () => PageStoreDefinition> = {
      memory: () => memoryStore(),
      memcached: () => patientStore(memcached.address),
      files: () => fileStore({ root }),
    };
    store = kinds[kind]!().open(copies);
    other = kind === 'memory' ? store : kinds[kind]!().open(copies);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const one of new Set([store, other])) await one.keyv.disconnect();
    rmSync(root, { recursive: true });
  });

  const isThere = async () => [await store.keyv.get(KEY), await store.copy!(KEY)].map(Boolean);
  /** Stores a page and waits until its time is over. */
  const outlived = async (key = KEY, tags: readonly string[] = []) => {
    const put = () => putPage(store, key, { ...page('old'), tags }, TTL, STALE);
    // On a busy machine it may end while it is stored.
    await expect.poll(put).toEqual({ stored: true });
    await expect.poll(() => store.keyv.get(key)).toBeUndefined();
  };

  it('outlives it, with its times', async () => {
    const before = Date.now();
    await outlived();
    const copy = await other.copy!(KEY);
    expect(copy?.page.body.toString()).toBe('old');
    const { stored = 0, ended, whileRevalidate, ifError } = copy ?? {};
    expect(stored).toBeGreaterThanOrEqual(before);
    expect(stored).toBeLessThanOrEqual(Date.now());
    expect({ ended, whileRevalidate, ifError }).toEqual({
      ended: stored + TTL,
      whileRevalidate: stored + TTL + 60_000,
      ifError: stored + TTL + 600_000,
    });
    expect(await store.has!(KEY)).toBe(true);
  });

  it('is no page, but a purge finds it', async () => {
    await outlived();
    expect(await collect(store.keys!('page:'))).toEqual([]);
    expect(await collect(store.keysToPurge!('page:'))).toEqual([KEY]);
    expect(await store.deletePages([KEY])).toBe(0);
    expect(await isThere()).toEqual([false, false]);
    expect(await store.has!(KEY)).toBe(false);
    expect(await collect(store.keysToPurge!('page:'))).toEqual([]);
  });

  it('goes with its page, which counts as one', async () => {
    await putPage(store, KEY, page(), 300_000, STALE);
    expect(await isThere()).toEqual([true, true]);
    expect(await collect(store.keysToPurge!('page:'))).toEqual([KEY]);
    expect(await collect(store.keys!('page:'))).toEqual([KEY]);
    expect(await other.deletePages([KEY])).toBe(1);
    expect(await isThere()).toEqual([false, false]);
  });

  it('has the tags of its page', async () => {
    await outlived(KEY, ['t']);
    await outlived('page:/b', ['u']);
    await putPage(store, 'page:/c', { ...page(), tags: ['t'] }, 300_000, STALE);
    expect((await collect(other.tagged!(['t']))).toSorted()).toEqual([KEY, 'page:/c']);
    expect(await collect(other.tagged!(['none']))).toEqual([]);
  });

  it('goes with everything below a path', async () => {
    await outlived('page:/a/b');
    await putPage(store, KEY, page(), 300_000, STALE);
    const under = await store.deleteUnder?.('/a');
    if (under === undefined) await store.deletePages(await collect(store.keysToPurge!('page:')));
    else expect(under).toBe(1);
    expect(await collect(store.keysToPurge!('page:'))).toEqual([]);
    expect(await store.copy!('page:/a/b')).toBeUndefined();
  });

  it('is replaced with its page, and goes when the new one has none', async () => {
    await outlived();
    await putPage(other, KEY, page('new'), 300_000, STALE);
    expect((await store.copy!(KEY))?.page.body.toString()).toBe('new');
    await putPage(other, KEY, page('newer'), 300_000);
    expect(await isThere()).toEqual([true, false]);
    await putPage(other, KEY, page('newer'), 300_000, STALE);
    // Without an end there is nothing to outlive.
    await putPage(other, KEY, page('kept'), 0, STALE);
    expect(await isThere()).toEqual([true, false]);
  });

  it('ends at its own time', async () => {
    await putPage(store, KEY, page(), TTL, { whileRevalidate: 0, ifError: 1 });
    await expect.poll(() => store.copy!(KEY)).toBeUndefined();
    await expect.poll(() => collect(store.keysToPurge!('page:'))).toEqual([]);
  });
});

describe('a store without conditions', () => {
  it('says that it keeps no copies', () => {
    for (const { limits } of [keyvStore(new Map()), memcachedStore({ client: memcachePp('127.0.0.1:11211') })]) {
      expect(limits!(copies)).toEqual([expect.stringMatching(/keeps no copies of pages: leave staleWhileRevalidate/)]);
    }
  });
});
