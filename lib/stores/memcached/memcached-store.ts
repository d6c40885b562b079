import * as v from 'valibot';
import { checked, strict } from '../../checks/checked.js';
import { MEMCACHED_KEY_MAX_LENGTH, memcachedKey, pageKeyOf } from '../../page/memcached-key.js';
import type { PageAddress } from '../../page/page-key.js';
import { LocalJournal } from '../journal/local-journal.js';
import { beginCheck, type WriteContext } from '../journal/purge-check.js';
import type { PageStore, PageStoreDefinition, StoreContext } from '../page-store.js';
import { rawKeyv } from '../raw-keyv.js';
import { UnconditionalWrite } from '../unconditional-write.js';
import { memcachedServers, type MemcachedServerAddress, type MemcachedServers } from './memcached-address.js';
import { MemcachedClient } from './memcached-client.js';
import type {
  MemcachedClientDefinition,
  MemcachedMetaClient,
  MemcachedPageClient,
} from './memcached-client.interface.js';
import { MemcachedJournal } from './memcached-journal.js';
import { MemcachedLeases } from './memcached-leases.js';
import { MemcachedTags } from './memcached-tags.js';
import { MemcachedWrite } from './memcached-write.js';

/**
 * What `memcachedStore()` returns; the nginx configuration is made from `servers`.
 *
 * @publicApi
 */
export interface MemcachedStoreDefinition extends PageStoreDefinition {
  readonly kind: 'memcached';
  readonly servers: readonly MemcachedServerAddress[];
}

const CLIENT = 'what memcachePp() returns, or another client';

const optionsSchema = v.pipe(
  strict({
    servers: v.optional(v.unknown()),
    client: v.optional(
      v.custom<MemcachedClientDefinition>(
        (client) => typeof (client as MemcachedClientDefinition | null)?.open === 'function',
        CLIENT,
      ),
    ),
  }),
  v.check(
    ({ servers, client }) => (servers === undefined) !== (client === undefined),
    'either { servers } or { client }',
  ),
);

/**
 * Pages in memcached, where nginx reads them. Exactly one server for now.
 *
 * @param options `servers`: `'127.0.0.1:11211'`, `'[::1]:11211'`, `'unix:/run/memcached.sock'`, a list of one of these, or
 *   `[{ address, weight }]`; or `client`: another client than the built-in one, e.g. `memcachePp()`
 * @throws {NginxCacheConfigError} when an option is wrong, an address is none, or there is not exactly one
 * @example
 * memcachedStore({ servers: 'unix:/run/memcached.sock' })
 * @see https://nginx.org/en/docs/http/ngx_http_memcached_module.html
 * @publicApi
 */
export function memcachedStore(
  options: { readonly servers: MemcachedServers } | { readonly client: MemcachedClientDefinition },
): MemcachedStoreDefinition {
  const given = checked(optionsSchema, options, { of: 'memcachedStore' });
  const client = given.client ?? builtInClient(given.servers);
  return {
    kind: 'memcached',
    servers: client.servers,
    limits: (wanted) => client.limits?.(wanted) ?? [],
    open: (context) => openStore(client.open(), context),
  };
}

function builtInClient(given: unknown): MemcachedClientDefinition {
  const servers = memcachedServers(given as MemcachedServers, 'memcachedStore.servers');
  return { servers, open: () => new MemcachedClient(servers[0]!.address) };
}

/** No server can hold a longer key, so there is nothing to read or to delete. */
function canExist(serverKey: string): boolean {
  return serverKey.length <= MEMCACHED_KEY_MAX_LENGTH;
}

function openStore(client: MemcachedPageClient, context: StoreContext): PageStore {
  const { format, prefix } = context;
  const deletePages = (keys: readonly string[]) => client.deleteMany(keys.map(memcachedKey).filter(canExist));

  async function* keysOf(list: NonNullable<MemcachedPageClient['keys']>, begin: string) {
    for await (const key of list(memcachedKey(begin))) yield pageKeyOf(key);
  }
  const list = client.keys?.bind(client);
  const shared = isMetaClient(client) ? sharedWrites(client, context) : undefined;

  return {
    keyv: rawKeyv({
      get: async (key) => {
        const serverKey = memcachedKey(key);
        const stored = canExist(serverKey) ? await client.get(serverKey) : undefined;
        const value = stored && format.decode(MemcachedTags.unmarked(stored), key);
        return value && { value };
      },
      deleteMany: deletePages,
      // Never `flush_all`: other sites may live on the same server.
      ...(list && { keys: () => keysOf(list, prefix) }),
      disconnect: async () => {
        await shared?.leases.close();
        await client.close();
      },
    }),
    deletePages,
    ...(list && { keys: (begin: string) => keysOf(list, begin) }),
    ...(shared?.store ?? lonelyWrites(client, context)),
    serverKey: memcachedKey,
  };
}

/** Several processes know of each other's purges. */
function sharedWrites(
  client: MemcachedMetaClient,
  { format, prefix, edition }: StoreContext,
): {
  readonly store: Pick<PageStore, 'journal' | 'begin' | 'forgets' | 'has' | 'lease' | 'tagged'>;
  readonly leases: MemcachedLeases;
} {
  const begin = memcachedKey(prefix);
  const journal = new MemcachedJournal(client, `*${begin}journal`, edition);
  const tags = new MemcachedTags(client, prefix);
  const leases = new MemcachedLeases(client, `*${begin}lease:`);
  const versionOf = async (key: string) => (canExist(key) ? client.casOf(key) : undefined);
  const store: ReturnType<typeof sharedWrites>['store'] = {
    journal,
    forgets: true,
    lease: (key, silent) => leases.take(key, silent),
    begin: async (address: PageAddress, context: WriteContext) => {
      const key = memcachedKey(address.key);
      const [check, version, lease] = await Promise.all([
        beginCheck(journal, address, context),
        versionOf(key),
        // Nobody waits for a process that may not store the page.
        context.leads && !journal.editions.refusal ? leases.take(address.key, undefined) : undefined,
      ]);
      return new MemcachedWrite(check, { client, format, tags }, key, version, lease);
    },
    has: async (key) => (await versionOf(memcachedKey(key))) !== undefined,
    async *tagged(wanted: readonly string[]) {
      for await (const key of tags.concerned(client.keys(begin), wanted)) yield pageKeyOf(key);
    },
  };
  return { store, leases };
}

/** Nothing on condition: each process knows of its own purges only. */
function lonelyWrites(
  client: MemcachedPageClient,
  { format }: StoreContext,
): Pick<PageStore, 'journal' | 'begin' | 'forgets'> {
  const journal = new LocalJournal();
  return {
    journal,
    forgets: false,
    begin: async (address: PageAddress, context: WriteContext) => {
      const key = memcachedKey(address.key);
      return new UnconditionalWrite(await beginCheck(journal, address, context), {
        put: (page, ttl) => client.set(key, format.encode(page), ttl),
        remove: () => client.deleteMany([key]),
      });
    },
  };
}

function isMetaClient(client: MemcachedPageClient): client is MemcachedMetaClient {
  return 'compareAndSet' in client;
}
