import type { PageStore, SpreadStore } from '../../page-store.js';
import { spreadKeyv } from '../../spread-keyv.js';
import type { MemcachedServerAddress } from '../memcached-address.js';
import { ConsistentHash } from './consistent-hash.js';

/**
 * Pages on several memcached servers, each on the one where nginx looks for it. Everything that belongs to a page is there as well: its tags, its
 * lease, and the journal that it is checked against.
 *
 * @param stores the stores of the servers, in the same order
 * @param prefix the prefix of all keys of the site
 */
export function openRing(
  servers: readonly MemcachedServerAddress[],
  stores: readonly PageStore[],
  prefix: string,
): SpreadStore {
  const ring = new ConsistentHash(servers);
  const placed = { servers: stores, serverOf: (key: string) => ring.serverOf(key) };
  return { ...placed, keyv: spreadKeyv(() => placed, prefix) };
}
