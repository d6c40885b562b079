import { Keyv, type KeyvStoreAdapter } from 'keyv';
import { inTime } from '../../async/in-time.js';
import { NginxCacheConfigError } from '../../checks/nginx-cache-config.error.js';
import { isPage } from '../../page/is-page.js';
import type { Page } from '../../page/page.js';
import { LocalJournal } from '../journal/local-journal.js';
import { beginCheck } from '../journal/purge-check.js';
import type { PageDetails } from '../page-details.js';
import type { PageStore, PageStoreDefinition, StoreContext } from '../page-store.js';
import { NO_COPIES, UnconditionalWrite } from '../unconditional-write.js';
import { rawKeyv, type RawEntry } from '../raw-keyv.js';
import { AdapterDeadlines } from './adapter-deadlines.js';

/** How many deletes are sent together. */
const DELETE_CHUNK = 500;
/** How long an adapter may take to disconnect, in milliseconds: @keyv/redis waits until its server has answered everything. */
const CLOSING = 1000;

/**
 * Stores pages in any Keyv 5 store. The application serves them.
 *
 * It makes the Keyv, and its adapter if that has the same switch, throw errors (`throwOnErrors`). It disconnects the Keyv when the
 * application closes, as @nestjs/cache-manager does with its stores.
 *
 * @param store a Keyv adapter (`new KeyvRedis(url)`, `new Map()`), or a Keyv with its own namespace and serializer
 * @returns the store, for the option `store`
 * @throws {NginxCacheConfigError} when it is neither
 * @example
 * keyvStore(new KeyvRedis('redis://127.0.0.1:6379'))
 * @see https://keyv.org/docs/
 *
 * @publicApi
 */
export function keyvStore(store: KeyvStoreAdapter | Map<string, unknown> | Keyv): PageStoreDefinition {
  const keyv = isKeyv(store) ? store : keyvOf(store);
  return {
    kind: 'keyv',
    limits: ({ prefix, mustList, isVersioned, keepsCopies, refreshesAhead }) => [
      // Keyv omits its namespace if a key already begins with it, so it cannot list such keys.
      ...(keyv.useKeyPrefix && keyv.namespace && prefix.startsWith(`${keyv.namespace}:`)
        ? [`keyvStore: prefix '${prefix}' begins with the namespace of the Keyv; give that useKeyPrefix: false`]
        : []),
      ...(isVersioned
        ? [
            'keyvStore: processes do not know of each other; leave version out, and give each version a prefix of its own',
          ]
        : []),
      ...(refreshesAhead ? ['keyvStore does not know which pages are read: leave refreshAhead out'] : []),
      ...(keepsCopies ? [`keyvStore ${NO_COPIES}`] : []),
      ...(mustList && !canList(keyv) ? ['keyvStore: this adapter cannot list its keys'] : []),
    ],
    open: (context) => openStore(keyv, context),
  };
}

/** Tells a Keyv by its properties, as @nestjs/cache-manager does: there may be two copies of Keyv. */
function isKeyv(store: unknown): store is Keyv {
  return typeof store === 'object' && store !== null && 'opts' in store && 'hooks' in store && 'stats' in store;
}

function keyvOf(store: KeyvStoreAdapter | Map<string, unknown>): Keyv {
  const methods = ['get', 'set', 'delete', 'clear'] as const;
  if (!store || methods.some((method) => typeof store[method] !== 'function')) {
    throw new NginxCacheConfigError('keyvStore', store, 'a Keyv, or a Keyv adapter (with get, set, delete and clear)');
  }
  // Page keys have their own prefix, but Keyv would still set a namespace of its own on the adapter.
  const namespace = 'namespace' in store ? store.namespace : undefined;
  const keyv = new Keyv(store, { useKeyPrefix: false });
  keyv.namespace = namespace;
  return keyv;
}

function openStore(keyv: Keyv, { prefix }: StoreContext): PageStore {
  keyv.throwOnErrors = true;
  if ('throwOnErrors' in keyv.store) keyv.store.throwOnErrors = true;

  const adapter = new AdapterDeadlines();
  const read = (key: string) =>
    adapter.answer(async () => (await keyv.get<Page>(key, { raw: true })) as RawEntry | undefined);
  const remove = (key: string) => adapter.answer(() => keyv.delete(key));
  const deletePages = async (keys: readonly string[]) => {
    let deleted = 0;
    for (let at = 0; at < keys.length; at += DELETE_CHUNK) {
      const results = await Promise.all(keys.slice(at, at + DELETE_CHUNK).map(remove));
      deleted += results.filter(Boolean).length;
    }
    return deleted;
  };

  const journal = new LocalJournal();
  return {
    keyv: rawKeyv({
      get: read,
      deleteMany: deletePages,
      ...(canList(keyv) && { keys: () => keysOf(keyv, adapter, prefix) }),
      disconnect: () => disconnect(keyv),
    }),
    journal,
    begin: async (address, context) => {
      adapter.check();
      return new UnconditionalWrite(await beginCheck(journal, address, context), {
        put: async (page, ttl) => {
          const isStored = await adapter.answer(() => keyv.set(address.key, page, ttl));
          // An older page may still be in its place.
          if (isStored === false) throw new Error('the adapter has refused the page');
        },
        remove: () => remove(address.key),
      });
    },
    forgets: false,
    deletePages,
    details: async (keys) => {
      const entries = keys.map(async (key) => {
        const raw: unknown = await adapter.answer(() => keyv.store.get(keyv._getKeyPrefix(key)));
        return detailsOf(await entryOf(keyv, raw));
      });
      return Promise.all(entries);
    },
    ...(canList(keyv) && {
      keys: (begin: string) => keysOf(keyv, adapter, begin),
      tagged: (tags: readonly string[]) =>
        keysOf(keyv, adapter, prefix, (page) => page?.tags?.some((tag) => tags.includes(tag)) ?? !page),
    }),
  };
}

/**
 * Keyv records neither when a page was stored nor whether it was read.
 *
 * @returns `undefined` when there is no page that can be read
 */
function detailsOf({ page, expires }: Entry): PageDetails | undefined {
  const left = expires - Date.now();
  if (!page || left <= 0) return undefined;
  return { ttl: left === Infinity ? 0 : left, size: page.body.length, tags: page.tags ?? [] };
}

/** The keys in use that begin with `prefix`. It does not use Keyv's own iterator, which also parses the values of others. */
async function* keysOf(
  keyv: Keyv,
  adapter: AdapterDeadlines,
  prefix: string,
  isWanted: (page: Page | undefined) => boolean = () => true,
): AsyncGenerator<string, void, undefined> {
  const begin = keyv._getKeyPrefix(prefix);
  for await (const [key, raw] of entriesOf(keyv, adapter, prefix)) {
    if (!key.startsWith(begin)) continue;
    const { page, expires } = await entryOf(keyv, raw);
    const pageKey = prefix + key.slice(begin.length);
    if (expires <= Date.now()) await adapter.answer(() => keyv.delete(pageKey));
    else if (isWanted(page)) yield pageKey;
  }
}

interface Entry {
  /** `undefined` when it cannot be read: another Keyv has written it, or this one with another serializer. Purges must take it, and all others. */
  readonly page: Page | undefined;
  /** Unix time in milliseconds; `Infinity` when the entry does not expire. */
  readonly expires: number;
}

async function entryOf(keyv: Keyv, raw: unknown): Promise<Entry> {
  const given = typeof raw === 'string' ? await keyv.deserializeData<Page>(raw).catch(() => undefined) : raw;
  const { value, expires } = (given ?? {}) as Partial<RawEntry>;
  return { page: isPage(value) ? value : undefined, expires: expires ?? Infinity };
}

function canList({ store }: Keyv): boolean {
  return store instanceof Map || typeof store.iterator === 'function';
}

/**
 * @keyv/redis does not list keys with `::` unless `noNamespaceAffectsAll` is set. But then its `clear` empties the database, so the option is set
 * only on a view of the adapter, for listing.
 */
function entriesOf(
  keyv: Keyv,
  adapter: AdapterDeadlines,
  prefix: string,
): Iterable<[string, unknown]> | AsyncIterable<[string, unknown]> {
  const { store, namespace } = keyv;
  if (store instanceof Map) return store;
  const view =
    'noNamespaceAffectsAll' in store ? Object.assign(Object.create(store), { noNamespaceAffectsAll: true }) : store;
  // No page has this key: a path begins with a slash.
  return adapter.each(view.iterator(namespace) as AsyncIterator<[string, unknown]>, () => keyv.get(prefix));
}

/** If the adapter does not answer in time, it is told to give up what it waits for. Of the adapters of Keyv, @keyv/redis knows this. */
async function disconnect(keyv: Keyv): Promise<void> {
  const ended = keyv.disconnect().then(() => true);
  if (await inTime(ended, CLOSING)) return;
  const { store } = keyv as { store: { disconnect?: (force: boolean) => Promise<void> } };
  await inTime(
    Promise.resolve(store.disconnect?.(true)).catch(() => undefined),
    CLOSING,
  );
}
