import { pageKeyOfCopy } from '../../page/copy-key.js';
import { MEMCACHED_KEY_MAX_LENGTH, memcachedKey, pageKeyOf } from '../../page/memcached-key.js';
import type { Page } from '../../page/page.js';
import type { PageAddress } from '../../page/page-key.js';
import { LocalJournal } from '../journal/local-journal.js';
import { beginCheck, type WriteContext } from '../journal/purge-check.js';
import type { PageDetails } from '../page-details.js';
import type { PageStore, StoreContext } from '../page-store.js';
import { rawKeyv } from '../raw-keyv.js';
import type { LeaseAnswer } from '../render-lease.js';
import { UnconditionalWrite } from '../unconditional-write.js';
import type { ItemDetails } from './item-details.js';
import type { MemcachedAccess } from './memcached-access.js';
import type { MemcachedServerAddress } from './memcached-address.js';
import type { MemcachedMetaClient, MemcachedPageClient } from './memcached-client.interface.js';
import { MemcachedCopies } from './memcached-copies.js';
import { MemcachedJournal } from './memcached-journal.js';
import { MemcachedLeases } from './memcached-leases.js';
import { memcachedStats } from './memcached-stats.js';
import { MemcachedTags } from './memcached-tags.js';
import { MemcachedWrite } from './memcached-write.js';

/** Whether a server can hold the key. If it cannot, there is nothing to read or to delete. */
function canExist(serverKey: string): boolean {
  return serverKey.length <= MEMCACHED_KEY_MAX_LENGTH;
}

/** The pages of one server. */
export function openMemcachedStore(
  server: MemcachedServerAddress | undefined,
  client: MemcachedPageClient,
  access: MemcachedAccess,
  context: StoreContext,
): PageStore {
  const { format, prefix } = context;
  const shared = isMetaClient(client) ? sharedWrites(client, context) : undefined;
  const deletePages = async (keys: readonly string[]) => {
    const [deleted] = await Promise.all([
      client.deleteMany(keys.map(memcachedKey).filter(canExist)),
      // Even if this process keeps no copies: while options change, another process may keep some.
      shared && client.deleteMany(keys.flatMap((key) => MemcachedCopies.keyOf(key) ?? [])),
    ]);
    return deleted;
  };

  async function* listed(begin: string) {
    if (client.keys) for await (const key of client.keys(memcachedKey(begin))) yield pageKeyOf(key);
  }
  async function* pageKeys(begin: string) {
    for await (const key of listed(begin)) if (pageKeyOfCopy(key) === undefined) yield key;
  }

  return {
    ...(server && { server: server.address, statistics: () => memcachedStats(server.address, access) }),
    onReturn: (listener) => client.onReturn?.(listener),
    keyv: rawKeyv({
      get: async (key) => {
        const serverKey = memcachedKey(key);
        const stored = canExist(serverKey) ? await client.get(serverKey) : undefined;
        const value = stored && format.decode(MemcachedTags.unmarked(stored), key);
        return value && { value };
      },
      deleteMany: deletePages,
      // Never `flush_all`: other sites may live on the same server.
      ...(client.keys && { keys: () => listed(prefix) }),
      disconnect: async () => {
        await shared?.leases.close();
        await client.close();
      },
    }),
    deletePages,
    ...(client.keys && { keys: pageKeys, keysToPurge: (begin: string) => onceEach(listed(begin)) }),
    ...(shared?.store ?? lonelyWrites(client, context)),
    serverKey: memcachedKey,
  };
}

/** The keys of pages, each once: whether the page, its copy or both are there. */
async function* onceEach(keys: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  const known = new Set<string>();
  for await (const given of keys) {
    const key = pageKeyOfCopy(given) ?? given;
    if (known.size < known.add(key).size) yield key;
  }
}

/** The writes of several processes that know of each other's purges. */
function sharedWrites(
  client: MemcachedMetaClient,
  { format, prefix, edition, keepsCopies = false, refreshesAhead: knowsReads = false }: StoreContext,
): {
  readonly store: Pick<
    PageStore,
    'journal' | 'begin' | 'copy' | 'details' | 'forgets' | 'has' | 'lease' | 'releaseLeases' | 'tagged' | 'uses'
  >;
  readonly leases: MemcachedLeases;
} {
  const begin = memcachedKey(prefix);
  const journal = new MemcachedJournal(client, `*${begin}journal`, edition);
  const tags = new MemcachedTags(client, prefix);
  const copies = new MemcachedCopies(client, prefix);
  const leases = new MemcachedLeases(client, `*${begin}lease:`);
  const placeOf = async (key: string) => ({ key, version: canExist(key) ? await client.casOf(key) : undefined });
  const placeOfCopy = async (key: string) => {
    const copy = keepsCopies ? MemcachedCopies.keyOf(key) : undefined;
    return copy === undefined ? undefined : placeOf(copy);
  };
  const store: ReturnType<typeof sharedWrites>['store'] = {
    journal,
    forgets: true,
    lease: (key, silent) => leases.take(key, silent),
    releaseLeases: () => leases.close(),
    begin: async (address: PageAddress, context: WriteContext) => {
      const known = [
        beginCheck(journal, address, context),
        placeOf(memcachedKey(address.key)),
        placeOfCopy(address.key),
      ] as const;
      // A process that may not store the page takes no lease: nobody should wait for it.
      const leads = context.leads && !journal.editions.refusal;
      const taking = leads ? leases.take(address.key, undefined) : undefined;
      const [check, place, copy, lease] = await Promise.all([...known, taking]).catch((error: unknown) => {
        taking?.then(giveBack, () => undefined);
        throw error;
      });
      const encode = (page: Page) => format.encode(page, address.key);
      return new MemcachedWrite(check, { client, encode, tags, copies, knowsReads }, place, copy, lease);
    },
    has: async (key) => {
      const [page, copy] = await Promise.all([placeOf(memcachedKey(key)), placeOfCopy(key)]);
      return page.version !== undefined || copy?.version !== undefined;
    },
    async *uses(before: number) {
      for (const { key, expires = Infinity, isRead } of await client.items(begin)) {
        if (expires > before) continue;
        const pageKey = pageKeyOf(key);
        if (pageKeyOfCopy(pageKey) === undefined) yield { key: pageKey, expires, isRead };
      }
    },
    details: async (keys) => {
      const serverKeys = keys.map(memcachedKey);
      const [items, labels] = await Promise.all([client.describe(serverKeys), tags.items(serverKeys)]);
      return items.map((item, index) => item && detailsOfItem(item, labels[index]));
    },
    copy: async (key) => {
      const stored = await copies.read(key);
      const page = stored && format.decode(MemcachedTags.unmarked(stored.value), key);
      return page && { page, ...stored.times };
    },
    tagged: (wanted: readonly string[]) => onceEach(unescaped(tags.concerned(client.keys(begin), wanted))),
  };
  return { store, leases };
}

/** Without a rendering, nobody should wait for the page. */
function giveBack(answer: LeaseAnswer): void {
  if (answer.kind === 'granted') answer.lease.release(true);
}

function detailsOfItem({ flags, size, ttl, isRead, idle }: ItemDetails, tags: Buffer | undefined): PageDetails {
  return {
    ttl: ttl === undefined ? 0 : Math.max(1, ttl * 1000),
    age: isRead ? undefined : idle * 1000,
    size,
    tags: MemcachedTags.read(flags, tags),
    isRead,
  };
}

async function* unescaped(serverKeys: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  for await (const key of serverKeys) yield pageKeyOf(key);
}

/** Writes without conditions: each process knows only of its own purges. */
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
        put: (page, ttl) => client.set(key, format.encode(page, address.key), ttl),
        remove: () => client.deleteMany([key]),
      });
    },
  };
}

function isMetaClient(client: MemcachedPageClient): client is MemcachedMetaClient {
  return 'compareAndSet' in client;
}
