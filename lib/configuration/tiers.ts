import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { memoryStore } from '../stores/memory/memory-store.js';
import type { TierLimits } from '../stores/memory-tier.js';
import type { PageStoreDefinition } from '../stores/page-store.js';

const TIERS = 'a list of two stores: memoryStore(), and then the store that all processes share';
/** How long the first tier keeps a page by itself, in milliseconds. */
const TTL = 1000;

/**
 * The store, which is the last tier, and the limits of the memory in front of it.
 *
 * @throws {NginxCacheConfigError} when the tiers are not memory and another store
 */
export function tiersOf({ store, tiers }: NginxCacheOptions): {
  readonly store: PageStoreDefinition;
  readonly tier: TierLimits | undefined;
} {
  if (!tiers) return { store: alone(store ?? memoryStore()), tier: undefined };
  if (store) throw new NginxCacheConfigError('store', store.kind, 'left out where tiers are given');
  const [first, last, ...others] = tiers as readonly PageStoreDefinition[];
  if (!first?.memory || !last || last.memory || others.length > 0) {
    const kinds = tiers.map(({ kind }) => `${kind}Store()`);
    throw new NginxCacheConfigError('tiers', kinds, TIERS);
  }
  const { maxBytes, ttl = TTL } = first.memory;
  return { store: last, tier: { maxBytes, ttl } };
}

function alone(store: PageStoreDefinition): PageStoreDefinition {
  const ttl = store.memory?.ttl;
  if (ttl === undefined) return store;
  throw new NginxCacheConfigError(
    'memoryStore.ttl',
    ttl,
    'left out, except in the first of tiers: pages have a ttl of their own',
  );
}
