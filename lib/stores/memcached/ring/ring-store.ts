import type { PageStore, SpreadStore } from '../../page-store.js';
import { rawKeyv } from '../../raw-keyv.js';
import type { MemcachedServerAddress } from '../memcached-address.js';
import { ConsistentHash } from './consistent-hash.js';

/**
 * Pages on several memcached servers, each on the one where nginx looks for it. Everything that belongs to a page lives there as well: its
 * tags, its lease, and the journal that it is checked against.
 *
 * @param stores of the servers, in the same order
 * @param prefix of all keys of the site
 */
export function openRing(
  servers: readonly MemcachedServerAddress[],
  stores: readonly PageStore[],
  prefix: string,
): SpreadStore {
  const ring = new ConsistentHash(servers);
  const serverOf = (key: string) => ring.serverOf(key);

  async function* keys() {
    for (const store of stores) yield* (store.keysToPurge ?? store.keys!)(prefix);
  }

  return {
    keyv: rawKeyv({
      get: async (key) => {
        const value = await stores[serverOf(key)]!.keyv.get(key);
        return value && { value };
      },
      deleteMany: async (all) => {
        const deleted = await Promise.all(
          stores.map((store, place) => store.deletePages(all.filter((key) => serverOf(key) === place))),
        );
        return deleted.reduce((sum, count) => sum + count, 0);
      },
      keys,
      disconnect: async () => void (await Promise.all(stores.map(({ keyv }) => keyv.disconnect()))),
    }),
    servers: stores,
    serverOf,
  };
}
