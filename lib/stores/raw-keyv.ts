import { Keyv, type KeyvStoreAdapter } from 'keyv';
import type { Page } from '../page/page.js';

/** What Keyv hands to an adapter and takes from it when it has no serializer. */
export interface RawEntry {
  readonly value: Page;
  /** Unix time in milliseconds; none when the entry does not expire. */
  readonly expires?: number | undefined;
}

/** The part of a Keyv adapter that a page store writes; the rest is the same for all. */
export interface RawAdapter {
  get(key: string): Promise<RawEntry | undefined>;
  /** @param ttl milliseconds; none or 0 for never */
  set(key: string, entry: RawEntry, ttl?: number): Promise<void>;
  /** @returns how many there really were */
  deleteMany(keys: readonly string[]): Promise<number>;
  clear(): Promise<void>;
  disconnect(): Promise<void>;
}

/**
 * A Keyv that changes neither keys nor values and throws what the adapter throws.
 *
 * Keyv would put its namespace before every key and wrap values in JSON (Keyv 5, src/index.ts), which nginx cannot read.
 */
export function rawKeyv(adapter: RawAdapter): Keyv<Page> {
  const store: Omit<KeyvStoreAdapter, 'get' | 'getMany'> & Record<'get' | 'getMany', unknown> = {
    opts: {},
    on: () => store as KeyvStoreAdapter,
    get: (key: string) => adapter.get(key),
    // Without it Keyv takes an error for a miss.
    getMany: (keys: string[]) => Promise.all(keys.map((key) => adapter.get(key))),
    set: (key, entry: RawEntry, ttl) => adapter.set(key, entry, ttl),
    delete: async (key) => (await adapter.deleteMany([key])) === 1,
    deleteMany: async (keys) => (await adapter.deleteMany(keys)) === keys.length,
    clear: () => adapter.clear(),
    disconnect: () => adapter.disconnect(),
  };
  const keyv = new Keyv<Page>({ store, useKeyPrefix: false, throwOnErrors: true });
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  return keyv;
}
