import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import KeyvRedis from '@keyv/redis';
import { createCache } from 'cache-manager';
import Keyv, { type KeyvStoreAdapter } from 'keyv';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keyvStore } from '../../../lib/stores/keyv/keyv-store.js';
import { putPage } from '../../support/put-page.js';
import { anyPage, collect, context, page } from '../pages.js';
import { fc } from '../../support/random.js';

describe('keyvStore with @keyv/redis', () => {
  const directory = mkdtempSync(join(tmpdir(), 'redis-'));
  const path = join(directory, 's');
  let redis: ChildProcess;
  const adapter = (options = {}) => new KeyvRedis({ socket: { path, reconnectStrategy: false } } as never, options);

  beforeAll(async () => {
    redis = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', directory]);
    for await (const output of redis.stdout!) if (/ready to accept/i.test(String(output))) break;
    redis.stdout!.resume();
  });
  afterAll(async () => {
    redis.kill('SIGKILL');
    if (redis.exitCode === null && redis.signalCode === null) await once(redis, 'exit');
    rmSync(directory, { recursive: true });
  });
  beforeEach(async () => {
    const all = adapter({ noNamespaceAffectsAll: true });
    await all.clear();
    await all.disconnect();
  });

  it('gives back any page', async () => {
    const store = keyvStore(adapter()).open(context);
    const cache = createCache({ stores: [store.keyv] });
    await fc.assert(
      fc.asyncProperty(anyPage, async (any) => {
        await putPage(store, 'page:/', any, 60_000);
        expect(await cache.get('page:/')).toEqual(any);
      }),
    );
    await cache.disconnect();
  });

  it('lists, deletes and clears its prefix and nothing else', async () => {
    const others = adapter();
    await others.set('plain', 'not JSON');
    await others.set('null', 'null');
    const shop = keyvStore(adapter()).open({ ...context, prefix: 'shop:' });
    const store = keyvStore(adapter()).open(context);
    const keys = [
      'page:/a',
      'page:/b::c',
      'page:/\xc3\xa9*?[x]',
      ...Array.from({ length: 1200 }, (_, i) => `page:/n/${i}`),
    ];
    await Promise.all(keys.map((key) => putPage(store, key, page())));
    await putPage(shop, 'shop:/::', page());
    expect((await collect(store.keys!('page:'))).sort()).toEqual([...keys].sort());
    expect(await store.deletePages([...keys.slice(100), 'page:none'])).toBe(keys.length - 100);
    await store.keyv.clear();
    expect(await collect(store.keys!('page:'))).toEqual([]);
    expect(await collect(shop.keys!('shop:'))).toEqual(['shop:/::']);
    expect(await others.get('plain')).toBe('not JSON');
    await Promise.all([store.keyv.disconnect(), shop.keyv.disconnect(), others.disconnect()]);
  });

  it('finds pages by tag, and those that it cannot read', async () => {
    const store = keyvStore(adapter()).open(context);
    await putPage(store, 'page:/a', { ...page(), tags: ['x', 'y'] });
    await putPage(store, 'page:/b', { ...page(), tags: ['z'] });
    await putPage(store, 'page:/c', page());
    const others = adapter();
    await others.set('page:/broken', '{"value":null}');
    expect((await collect(store.tagged!(['x', 'none']))).sort()).toEqual(['page:/a', 'page:/broken']);
    await Promise.all([store.keyv.disconnect(), others.disconnect()]);
  });

  it('keeps the ttl and the namespace of the adapter', async () => {
    const store = keyvStore(adapter({ namespace: 'site' })).open(context);
    await putPage(store, 'page:/', page(), 60_000);
    await putPage(store, 'page:/short', page(), 50);
    const raw = adapter();
    expect(await raw.get('site::page:/')).toMatch(/"value"/);
    expect(await collect(store.keys!('page:'))).toContain('page:/');
    await expect.poll(() => store.keyv.get('page:/short')).toBeUndefined();
    expect(await collect(store.keys!('page:'))).toEqual(['page:/']);
    await Promise.all([store.keyv.disconnect(), raw.disconnect()]);
  });

  it('hands errors on', async () => {
    const down = new KeyvRedis({ socket: { path: `${path}.none`, reconnectStrategy: false } } as never);
    const store = keyvStore(down).open(context);
    const { keyv, deletePages } = store;
    const cache = createCache({ stores: [keyv] });
    await expect(putPage(store, 'page:/', page())).rejects.toThrow(/Redis client is not connected/);
    await expect(cache.del('page:/')).rejects.toThrow();
    await expect(keyv.get('page:/')).rejects.toThrow();
    await expect(deletePages(['page:/'])).rejects.toThrow();
    await expect(cache.clear()).rejects.toThrow();
  });
});

describe('keyvStore', () => {
  it('takes a Map, and leaves foreign keys in it', async () => {
    const map = new Map<string, unknown>([['other', 'x']]);
    const store = keyvStore(map).open(context);
    await putPage(store, 'page:/', page(), 60_000);
    await putPage(store, 'page:/gone', page(), 1);
    expect(await store.keyv.get('page:/')).toEqual(page());
    await expect.poll(() => collect(store.keys!('page:'))).toEqual(['page:/']);
    await store.keyv.clear();
    expect([...map.keys()]).toEqual(['other']);
  });

  it('lists, purges and describes pages beside values that nobody can read', async () => {
    const map = new Map<string, unknown>();
    const store = keyvStore(map).open(context);
    await putPage(store, 'page:/', { ...page(), tags: ['x'] });
    const values = ['not JSON', 'null', '12', '{"a":1}', '{"value":{"tags":"x"}}', '{"value":{"body":1,"tags":[]}}'];
    for (const [index, value] of values.entries()) map.set(`page:/${index}`, value);
    const keys = ['page:/', ...values.map((_, index) => `page:/${index}`)];
    expect(await collect(store.keys!('page:'))).toEqual(keys);
    expect(await collect(store.tagged!(['x']))).toEqual(keys);
    expect(await collect(store.tagged!(['y']))).toEqual(keys.slice(1));
    expect(await store.details!([...keys, 'page:/none'])).toEqual([
      { ttl: 0, size: page().body.length, tags: ['x'] },
      ...[...values, 'none'].map(() => undefined),
    ]);
    expect(await store.deletePages(keys)).toBe(keys.length);
  });

  it('fails to store what the adapter refuses', async () => {
    const map = new Map<string, unknown>();
    let isFull = false;
    const adapter = {
      opts: {},
      on: () => adapter,
      get: async (key: string) => map.get(key),
      set: async (key: string, value: unknown) => !isFull && map.set(key, value).size > 0,
      delete: async (key: string) => map.delete(key),
      clear: async () => map.clear(),
    } as unknown as KeyvStoreAdapter;
    const store = keyvStore(adapter).open(context);
    expect(await putPage(store, 'page:/', page())).toEqual({ stored: true });
    isFull = true;
    await expect(putPage(store, 'page:/', page('<p>new'))).rejects.toThrow('the adapter has refused the page');
  });

  it('lists its pages, however long the adapter looks for one among the keys of others', async () => {
    const map = new Map<string, unknown>();
    let asked = 0;
    let isClosed = false;
    const events = new EventEmitter();
    const adapter = {
      opts: { url: '' },
      on: () => adapter,
      get: async (key: string) => {
        asked += 1;
        events.emit('asked');
        return map.get(key);
      },
      set: async (key: string, value: unknown) => void map.set(key, value),
      delete: async (key: string) => map.delete(key),
      clear: async () => map.clear(),
      async *iterator() {
        try {
          for (const before = asked; asked < before + 2;) await once(events, 'asked');
          yield* map;
        } finally {
          isClosed = true;
        }
      },
    } as unknown as KeyvStoreAdapter;
    const store = keyvStore(adapter).open(context);
    for (const key of ['page:/a', 'page:/b']) await putPage(store, key, page());
    expect(await collect(store.keys!('page:'))).toEqual(['page:/a', 'page:/b']);
    isClosed = false;
    for await (const key of store.keys!('page:')) {
      expect(key).toBe('page:/a');
      break;
    }
    await expect.poll(() => isClosed).toBe(true);
  });

  it('takes a Keyv with its own namespace', async () => {
    const map = new Map<string, unknown>();
    const keyv = new Keyv(map, { namespace: 'site' });
    const store = keyvStore(keyv).open(context);
    await putPage(store, 'page:/a:b', page());
    await new Keyv(map, { namespace: 'else' }).set('page:/', 1);
    expect([...map.keys()]).toEqual(['site:page:/a:b', 'else:page:/']);
    expect(await collect(keyvStore(keyv).open(context).keys!('page:'))).toEqual(['page:/a:b']);
    expect(await store.deletePages(['page:/a:b', 'page:/'])).toBe(1);
  });

  it('refuses a Keyv whose namespace begins the prefix', () => {
    const { limits } = keyvStore(new Keyv({ namespace: 'page' }));
    expect(limits!(context)).toEqual([expect.stringMatching(/useKeyPrefix: false/)]);
    expect(limits!({ ...context, prefix: 'shop:' })).toEqual([]);
  });

  it('does without a list of keys', async () => {
    let disconnected = false;
    const adapter = {
      opts: {},
      on: () => adapter,
      get: async () => undefined,
      set: async () => {
        throw new Error('full');
      },
      delete: async () => false,
      clear: () => {
        throw new Error('never');
      },
      disconnect: async () => void (disconnected = true),
    } as unknown as KeyvStoreAdapter;
    const definition = keyvStore(adapter);
    expect(definition.limits!(context)).toEqual([]);
    expect(definition.limits!({ ...context, mustList: true })).toEqual([expect.stringMatching(/cannot list/)]);
    const store = definition.open(context);
    expect(store.keys).toBeUndefined();
    await expect(store.keyv.clear()).rejects.toThrow(/cannot list its pages/);
    await expect(putPage(store, 'page:/', page())).rejects.toThrow('full');
    expect(await store.deletePages(['page:/'])).toBe(0);
    await store.keyv.disconnect();
    expect(disconnected).toBe(true);
  });

  it('refuses what is no Keyv', () => {
    for (const bad of [{}, { get() {} }, null, undefined, 'redis://127.0.0.1'])
      expect(() => keyvStore(bad as never)).toThrow(/^keyvStore: .* it must be a Keyv, or a Keyv adapter/s);
  });
});
