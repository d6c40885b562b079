import { Keyv, type KeyvStoreAdapter } from 'keyv';
import { chunks } from '../async/chunks.js';
import type { Page } from '../page/page.js';

/** What Keyv hands to an adapter and takes from it when it has no serializer. */
export interface RawEntry {
  readonly value: Page;
  /** Unix time in milliseconds; none when the entry does not expire. */
  readonly expires?: number | undefined;
}

/** What a store does for a Keyv adapter; the rest is the same for all stores. */
export interface RawAdapter {
  get(key: string): Promise<RawEntry | undefined>;
  /** @returns how many of them existed */
  deleteMany(keys: readonly string[]): Promise<number>;
  /** Every stored key that begins with the prefix of the site; absent when the store cannot list. */
  keys?(): AsyncIterable<string>;
  disconnect(): Promise<void>;
}

/** How many keys `clear()` deletes together. */
const CLEAR_BATCH = 5000;

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
    // Without `getMany`, Keyv takes an error for a miss.
    getMany: (keys: string[]) => Promise.all(keys.map((key) => adapter.get(key))),
    set: () => Promise.reject(new TypeError('Pages are written by begin() and commit() alone.')),
    delete: async (key) => (await adapter.deleteMany([key])) === 1,
    deleteMany: async (keys) => (await adapter.deleteMany(keys)) === keys.length,
    clear: async () => {
      if (!adapter.keys) throw new TypeError('This store cannot list its pages, so it cannot clear them.');
      for await (const keys of chunks(adapter.keys(), CLEAR_BATCH)) await adapter.deleteMany(keys);
    },
    disconnect: () => adapter.disconnect(),
  };
  const keyv = new Keyv<Page>({ store, useKeyPrefix: false, throwOnErrors: true });
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  return keyv;
}
