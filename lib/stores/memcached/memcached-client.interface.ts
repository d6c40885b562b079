import type { StoredValue } from '../../page/page-format.js';
import type { StoreContext } from '../page-store.js';
import type { ItemDetails } from './item-details.js';
import type { DumpedItem } from './memcached-metadump.js';
import type { MemcachedServerAddress } from './memcached-address.js';

/**
 * The operations that `memcachedStore()` needs from a memcached client.
 *
 * Keys are in the form that the server uses: 1 to 250 bytes, one UTF-16 unit each (latin1), all above 0x20.
 *
 * @publicApi
 */
export interface MemcachedPageClient {
  /**
   * Reads an item.
   *
   * @param key the key of the item
   * @returns `undefined` if there is no such item
   */
  get(key: string): Promise<StoredValue | undefined>;
  /**
   * Stores an item.
   *
   * @param key the key of the item
   * @param value its bytes and its client flags
   * @param ttl milliseconds; 0 = it never expires
   */
  set(key: string, value: StoredValue, ttl: number): Promise<void>;
  /**
   * Deletes items. It rejects unless the server has acknowledged every one.
   *
   * @param keys the keys of the items
   * @returns how many items existed
   */
  deleteMany(keys: readonly string[]): Promise<number>;
  /**
   * Lists the stored keys. Absent if the client cannot list.
   *
   * @param prefix the beginning of the keys
   * @returns the keys, one by one
   */
  keys?(prefix: string): AsyncIterable<string>;
  /**
   * Registers a listener for the moment when the server answers again. Absent if the client does not notice it.
   *
   * @param listener is called each time
   */
  onReturn?(listener: () => void): void;
  /** Rejects all pending operations, and leaves neither a socket nor a timer. */
  close(): Promise<void>;
}

/** The result of a conditional change of an item. */
export type ChangeResult =
  | 'changed'
  /** Somebody has changed it in the meantime. */
  | 'other'
  /** There is no such item. */
  | 'missing';

/**
 * Further operations, which tags and the shared purge journal need.
 *
 * Operations are carried out in the order of the calls, or reject. So a client can store a page and then read the journal without waiting
 * for the first answer.
 *
 * @publicApi
 */
export interface MemcachedMetaClient extends MemcachedPageClient {
  /**
   * How many connections have been lost. After that, the server may have been restarted, and give the same CAS numbers once more. Absent if the
   * client does not notice it.
   */
  readonly losses?: number;
  /**
   * Lists the stored keys.
   *
   * @param prefix the beginning of the keys
   * @returns the keys, one by one
   */
  keys(prefix: string): AsyncIterable<string>;
  /**
   * Lists the stored keys with their expiry, and whether anybody has read them.
   *
   * @param prefix the beginning of the keys
   * @returns one entry for each key
   */
  items(prefix: string): Promise<readonly DumpedItem[]>;
  /**
   * Reads an item together with its CAS number, which changes with every write.
   *
   * @param key the key of the item
   * @returns `undefined` if there is no such item
   */
  getForUpdate(key: string): Promise<{ readonly bytes: Buffer; readonly cas: string } | undefined>;
  /**
   * Reads the CAS number of an item.
   *
   * @param key the key of the item
   * @returns `undefined` if there is no such item
   */
  casOf(key: string): Promise<string | undefined>;
  /**
   * Stores an item unless somebody has changed it in the meantime.
   *
   * @param key the key of the item
   * @param value its bytes and its client flags
   * @param ttl milliseconds; 0 = it never expires
   * @param cas the number from `getForUpdate` or `casOf`; `undefined` if the item must not exist
   * @returns the new CAS number; `undefined` if the item was not stored
   */
  compareAndSet(key: string, value: StoredValue, ttl: number, cas: string | undefined): Promise<string | undefined>;
  /**
   * Changes the ttl of an item unless somebody has changed it in the meantime.
   *
   * @param key the key of the item
   * @param ttl milliseconds; 0 = it never expires
   * @param cas the number from `getForUpdate` or `casOf`
   * @returns what happened
   */
  compareAndTouch(key: string, ttl: number, cas: string): Promise<ChangeResult>;
  /**
   * Deletes an item unless somebody has changed it in the meantime.
   *
   * @param key the key of the item
   * @param cas the number from `getForUpdate` or `casOf`
   * @returns what happened
   */
  compareAndDelete(key: string, cas: string): Promise<ChangeResult>;
  /**
   * Reads the client flags of items.
   *
   * @param keys the keys of the items
   * @returns the flags in the same order; `undefined` if there is no such item
   */
  flagsOf(keys: readonly string[]): Promise<(number | undefined)[]>;
  /**
   * Reads the details of items, but not their values. The items do not count as read.
   *
   * @param keys the keys of the items
   * @returns the details in the same order; `undefined` if there is no such item
   */
  describe(keys: readonly string[]): Promise<(ItemDetails | undefined)[]>;
  /**
   * Reads several items at once.
   *
   * @param keys the keys of the items
   * @returns the values in the same order; `undefined` if there is no such item
   */
  getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]>;
}

/**
 * A client that is not open yet, such as the result of `memcachePp()`.
 *
 * @publicApi
 */
export interface MemcachedClientDefinition {
  /** The servers that nginx reads. */
  readonly servers: readonly MemcachedServerAddress[];
  /**
   * Checks the options against what the client can do.
   *
   * @param wanted what the options ask for
   * @returns one sentence for each thing that the client cannot do
   */
  limits?(wanted: StoreContext): string[];
  /**
   * Opens the client. It must neither throw nor wait if the server is down.
   *
   * @returns the open client
   */
  open(): MemcachedPageClient;
}
