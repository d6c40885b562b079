import { MEMCACHED_KEY_MAX_LENGTH, memcachedKey, pageKeyOf } from '../../page/memcached-key.js';
import type { PageStore, PageStoreDefinition, StoreContext } from '../page-store.js';
import { rawKeyv } from '../raw-keyv.js';
import { memcachedServers, type MemcachedServerAddress, type MemcachedServers } from './memcached-address.js';
import { MemcachedClient } from './memcached-client.js';
import type {
  MemcachedClientDefinition,
  MemcachedMetaClient,
  MemcachedPageClient,
} from './memcached-client.interface.js';
import { MemcachedJournal } from './memcached-journal.js';
import { MemcachedTags } from './memcached-tags.js';
import { MemcachedVersions } from './memcached-versions.js';

/**
 * What `memcachedStore()` returns; the nginx configuration is made from `servers`.
 *
 * @publicApi
 */
export interface MemcachedStoreDefinition extends PageStoreDefinition {
  readonly kind: 'memcached';
  readonly servers: readonly MemcachedServerAddress[];
}

/** So many keys are deleted together while `clear` is listing. */
const CLEAR_BATCH = 5000;

/**
 * Pages in memcached, where nginx reads them. Exactly one server for now.
 *
 * @param options `servers`: `'127.0.0.1:11211'`, `'[::1]:11211'`, `'unix:/run/memcached.sock'`, a list of one of these, or
 *   `[{ address, weight }]`; or `client`: another client than the built-in one, e.g. `memcachePp()`
 * @throws TypeError when an address is none, or there is not exactly one
 * @example
 * memcachedStore({ servers: 'unix:/run/memcached.sock' })
 * @see https://nginx.org/en/docs/http/ngx_http_memcached_module.html
 * @publicApi
 */
export function memcachedStore(
  options: { readonly servers: MemcachedServers } | { readonly client: MemcachedClientDefinition },
): MemcachedStoreDefinition {
  const client = 'client' in options ? options.client : builtInClient(options?.servers);
  return {
    kind: 'memcached',
    servers: client.servers,
    limits: (wanted) => client.limits?.(wanted) ?? [],
    open: (context) => openStore(client.open(), context),
  };
}

function builtInClient(given: MemcachedServers): MemcachedClientDefinition {
  const servers = memcachedServers(given);
  return { servers, open: () => new MemcachedClient(servers[0]!.address) };
}

function openStore(client: MemcachedPageClient, { format, prefix }: StoreContext): PageStore {
  // No server can hold a longer key, so there is nothing to read or to delete.
  const canExist = (key: string) => key.length <= MEMCACHED_KEY_MAX_LENGTH;
  const deletePages = (keys: readonly string[]) => client.deleteMany(keys.map(memcachedKey).filter(canExist));

  const meta = isMetaClient(client) ? client : undefined;
  const tags = meta && new MemcachedTags(meta, prefix);

  const keys = client.keys?.bind(client);
  async function* pageKeys(keyPrefix: string): AsyncGenerator<string, void, undefined> {
    for await (const key of keys!(memcachedKey(keyPrefix))) yield pageKeyOf(key);
  }

  return {
    keyv: rawKeyv({
      get: async (key) => {
        const serverKey = memcachedKey(key);
        const stored = canExist(serverKey) ? await client.get(serverKey) : undefined;
        const value = stored && format.decode(stored);
        return value && { value };
      },
      set: async (key, { value }, ttl = 0) => {
        const serverKey = memcachedKey(key);
        const stored = format.encode(value);
        await client.set(serverKey, tags ? MemcachedTags.marked(stored, value.tags) : stored, ttl);
        await tags?.write(serverKey, value.tags, ttl);
      },
      deleteMany: deletePages,
      // Never `flush_all`: other sites may live on the same server.
      clear: async () => {
        if (!keys) throw new Error('this memcached client cannot list keys, so it cannot clear one prefix');
        let batch: string[] = [];
        for await (const key of pageKeys(prefix)) {
          if (batch.push(key) < CLEAR_BATCH) continue;
          await deletePages(batch);
          batch = [];
        }
        await deletePages(batch);
      },
      disconnect: () => client.close(),
    }),
    deletePages,
    ...(keys && { keys: pageKeys }),
    ...(meta &&
      tags &&
      keys && {
        journal: new MemcachedJournal(meta, `*${memcachedKey(prefix)}journal`),
        versions: new MemcachedVersions(meta, format, tags),
        async *tagged(wanted: readonly string[]) {
          const begin = memcachedKey(prefix);
          for await (const key of tags.concerned(keys(begin), wanted)) yield pageKeyOf(key);
        },
      }),
    serverKey: memcachedKey,
  };
}

function isMetaClient(client: MemcachedPageClient): client is MemcachedMetaClient {
  return 'compareAndSet' in client;
}
