import type { StoredValue } from '../../page/page-format.js';
import type { StoreContext } from '../page-store.js';
import type { ItemDetails } from './item-details.js';
import type { DumpedItem } from './memcached-metadump.js';
import type { MemcachedServerAddress } from './memcached-address.js';

/**
 * What `memcachedStore()` needs of a memcached client.
 *
 * Keys are as the server has them: 1 to 250 bytes, one UTF-16 unit each (latin1), none up to 0x20.
 *
 * @publicApi
 */
export interface MemcachedPageClient {
  /** `undefined` when there is no such item. */
  get(key: string): Promise<StoredValue | undefined>;
  /** @param ttl milliseconds; 0 for never */
  set(key: string, value: StoredValue, ttl: number): Promise<void>;
  /** @returns how many there really were; rejects unless the server has acknowledged every one */
  deleteMany(keys: readonly string[]): Promise<number>;
  /** Absent when the client cannot list. */
  keys?(prefix: string): AsyncIterable<string>;
  /** Has somebody told when the server answers that did not. Absent when the client does not notice. */
  onReturn?(listener: () => void): void;
  /** Rejects what is pending and leaves neither socket nor timer. */
  close(): Promise<void>;
}

/** What became of an item that was to be changed on condition. */
export type ChangeResult =
  | 'changed'
  /** Somebody has changed it in the meantime. */
  | 'other'
  /** There is no such item. */
  | 'missing';

/**
 * What a client must be able to do besides, for tags and for purges that several processes know of.
 *
 * What is asked for first is carried out first, or rejects: that the journal is read after a page was stored is known without waiting
 * for the answer.
 *
 * @publicApi
 */
export interface MemcachedMetaClient extends MemcachedPageClient {
  keys(prefix: string): AsyncIterable<string>;
  /** As `keys`, with when they end and whether anybody has fetched them. */
  items(prefix: string): Promise<readonly DumpedItem[]>;
  /** An item with the number that changes with it. */
  getForUpdate(key: string): Promise<{ readonly bytes: Buffer; readonly cas: string } | undefined>;
  /** The number that changes with an item; `undefined` when there is none. */
  casOf(key: string): Promise<string | undefined>;
  /**
   * Stores an item unless somebody has changed it meanwhile.
   *
   * @param ttl milliseconds; 0 for never
   * @param cas from `getForUpdate` or `casOf`; none when the item must not be there
   * @returns its new number; `undefined` when it was not stored
   */
  compareAndSet(key: string, value: StoredValue, ttl: number, cas: string | undefined): Promise<string | undefined>;
  /**
   * Gives an item that nobody has changed meanwhile another ttl.
   *
   * @param ttl milliseconds; 0 for never
   */
  compareAndTouch(key: string, ttl: number, cas: string): Promise<ChangeResult>;
  /** Deletes an item that nobody has changed meanwhile. */
  compareAndDelete(key: string, cas: string): Promise<ChangeResult>;
  /** The client flags of items, `undefined` where there is none. */
  flagsOf(keys: readonly string[]): Promise<(number | undefined)[]>;
  /** What the server says of items without their values, `undefined` where there is none. They do not count as read. */
  describe(keys: readonly string[]): Promise<(ItemDetails | undefined)[]>;
  getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]>;
}

/**
 * A client before it is opened, e.g. what `memcachePp()` returns.
 *
 * @publicApi
 */
export interface MemcachedClientDefinition {
  /** Where nginx finds the pages. */
  readonly servers: readonly MemcachedServerAddress[];
  /** @returns one sentence for each thing that the options ask for and the client cannot give */
  limits?(wanted: StoreContext): string[];
  /** Must neither throw nor wait when the server is down. */
  open(): MemcachedPageClient;
}
