import type { Keyv } from 'keyv';
import type { Page } from '../page/page.js';
import type { PageFormat } from '../page/page-format.js';
import type { PageAddress } from '../page/page-key.js';
import type { Edition } from './journal/edition.js';
import type { WriteContext } from './journal/purge-check.js';
import type { PurgeJournal } from './journal/purge-journal.js';
import type { PageDetails } from './page-details.js';
import type { PageWrite } from './page-write.js';
import type { LeaseAnswer } from './render-lease.js';
import type { StaleCopy } from './stale-copy.js';

/**
 * Describes a store that is not open yet: the result of `memoryStore()`, `memcachedStore()` and `keyvStore()`. So the module and
 * `nginxConf()` can take the same options.
 *
 * @publicApi
 */
export interface PageStoreDefinition {
  /** The kind of store. */
  readonly kind: string;
  /** The servers that nginx reads; absent if nginx cannot read the store. */
  readonly servers?: readonly { readonly address: string; readonly weight: number }[];
  /** Present if the servers use TLS: the certificate authorities (PEM), and the name in the certificates if one is given. */
  readonly tls?: { readonly ca?: string | undefined; readonly servername?: string | undefined };
  /** Whether the servers require a user and a password, which nginx cannot send. */
  readonly isAuthenticated?: boolean;
  /** How the list of servers is read if it changes while the application runs; `servers` is then empty. */
  readonly changing?: ChangingServers;
  /** The limits, if the store is the memory of the process. `ttl` is that of the first of `tiers`, in milliseconds. */
  readonly memory?: { readonly maxBytes: number; readonly ttl: number | undefined };
  /** Where nginx finds the pages, if the store consists of files. */
  readonly files?: { readonly root: string; readonly brotli: boolean };
  /**
   * Checks the options against what the store can do, when the module is created. memcache-pp, for example, cannot store compressed pages.
   *
   * @param wanted what the options ask for
   * @returns one sentence for each thing that the store cannot do
   */
  limits?(wanted: StoreContext): string[];
  /**
   * Opens the store. It must not throw or wait if a server is down: the store connects when it can.
   *
   * @param context what the module tells the store
   * @returns the open store
   */
  open(context: StoreContext): PageStore;
  /**
   * Opens a store whose pages are spread over several servers. `open()` is not called then.
   *
   * @param context what the module tells the store
   * @returns the open store
   */
  openSpread?(context: StoreContext): SpreadStore;
  /**
   * Opens a server that only another process has in its list. Absent if the store has no servers.
   *
   * @param address the address of the server
   * @param context what the module tells the store
   * @returns the open store of this server
   * @throws {NginxCacheConfigError} when the address is invalid
   */
  openServer?(address: string, context: StoreContext): PageStore;
}

/**
 * A list of servers that changes while the application runs.
 *
 * @publicApi
 */
export interface ChangingServers {
  /** How long to wait between two readings, in milliseconds. */
  readonly interval: number;
  /**
   * Reads the current list of servers. It rejects if nobody knows them.
   *
   * @returns the store with these servers
   */
  read(): Promise<PageStoreDefinition>;
}

/**
 * The information that the module gives to a store.
 *
 * @publicApi
 */
export interface StoreContext {
  /** How a value is written for nginx. Stores that only the application reads may ignore it. */
  readonly format: PageFormat;
  /** The beginning of every key. */
  readonly prefix: string;
  /** The size of the largest page, in bytes before compression. */
  readonly maxPageBytes: number;
  /** Whether pages are stored gzipped. */
  readonly compress: boolean;
  /**
   * Whether the store must be able to list keys: a purge of a path deletes every allowed query of it, and only a list tells which ones are
   * stored.
   */
  readonly mustList: boolean;
  /** Whether copies may outlive their pages. */
  readonly keepsCopies?: boolean;
  /** Whether processes of another version must not store pages. */
  readonly isVersioned?: boolean;
  /** Whether somebody wants to know which pages are read. */
  readonly refreshesAhead?: boolean;
  /** The build and configuration whose pages this process stores. Other processes may run another one. Absent if there is none. */
  readonly edition?: Edition;
}

/**
 * An open store with several servers. Each server is a store of its own, with its own journal: a page is checked against the journal of its
 * server.
 *
 * @publicApi
 */
export interface SpreadStore {
  /** Like that of a `PageStore`, for all servers together. */
  readonly keyv: Keyv<Page>;
  /** The store of each server. */
  readonly servers: readonly PageStore[];
  /** Returns the index of the server of a page in `servers`. */
  readonly serverOf: (key: string) => number;
}

/** Whether a page is read. */
export interface PageUse {
  readonly key: string;
  /** When it ends: Unix time in milliseconds. */
  readonly expires: number;
  /** Whether anybody has read it since it was stored. */
  readonly isRead: boolean;
}

/**
 * An open store. cache-manager reads pages through `keyv`. `begin()` is the only way to write one.
 *
 * Keys are page keys: "binary" strings in which each UTF-16 unit is one byte (latin1), not yet escaped for memcached.
 *
 * @publicApi
 */
export interface PageStore {
  /** The Keyv for cache-manager: with raw values, unchanged keys, and thrown errors. */
  readonly keyv: Keyv<Page>;
  /** The address of the server, for messages; absent if there is no server. */
  readonly server?: string;
  /**
   * Registers a listener for the moment when the server answers again. Absent if the store does not notice it.
   *
   * @param listener is called each time
   */
  onReturn?(listener: () => void): void;
  /** The purges of all processes. Append a purge to it before you delete pages. */
  readonly journal: PurgeJournal;
  /**
   * Begins a rendering. A purge from now on keeps its page out.
   *
   * @param address the key and the address of the page
   * @param context what is known before the rendering
   * @returns the write, to commit or to abort
   * @throws when the store does not answer
   */
  begin(address: PageAddress, context: WriteContext): Promise<PageWrite>;
  /** Whether a page whose `commit()` failed disappears by itself: it may have been stored anyway. */
  readonly forgets: boolean;
  /**
   * Deletes pages with their copies. It rejects unless every server concerned has acknowledged it.
   *
   * @param keys the keys of the pages
   * @returns how many pages existed
   */
  deletePages(keys: readonly string[]): Promise<number>;
  /**
   * Deletes the pages at and below a path, on every host and in every variant. Absent if this is not faster than deleting them one by one.
   *
   * @param path the path; '' is every page
   * @returns how many pages existed
   */
  deleteUnder?(path: string): Promise<number>;
  /**
   * Asks for the right to render a page. Absent if no other process shares the store.
   *
   * @param key the key of the page
   * @param silent the beat of a process that has died; its lease is taken over
   * @returns whether this process may render the page
   */
  lease?(key: string, silent: string | undefined): Promise<LeaseAnswer>;
  /**
   * Gives all leases back, and grants none from now on: the application begins to close. Absent if `lease` is.
   *
   * @returns a promise that is resolved soon, even if the store does not answer
   */
  releaseLeases?(): Promise<void>;
  /**
   * Whether a page, or a copy of it, is stored. Absent if this takes as long as reading the page, and there are no copies.
   *
   * @param key the key of the page
   * @returns `true` for a page or a copy
   */
  has?(key: string): Promise<boolean>;
  /**
   * Reads the copy of a page, which outlives the page. Absent if the store keeps no copies.
   *
   * @param key the key of the page
   * @returns `undefined` if there is no copy
   */
  copy?(key: string): Promise<StaleCopy | undefined>;
  /**
   * Lists every stored key. Absent if the store cannot list.
   *
   * @param prefix the beginning of the keys
   * @returns the keys, one by one
   */
  keys?(prefix: string): AsyncIterable<string>;
  /**
   * Lists the stored keys, the keys of pages that are being written, and the keys of pages of which only a copy is left: a purge must
   * delete them all. If absent, `keys` lists them.
   *
   * @param prefix the beginning of the keys
   * @returns the keys, one by one
   */
  keysToPurge?(prefix: string): AsyncIterable<string>;
  /**
   * Lists the keys of all pages and copies that have one of the tags, or whose tags are unknown. Absent if the store does not keep tags.
   *
   * @param tags the tags
   * @returns the keys, one by one
   */
  tagged?(tags: readonly string[]): AsyncIterable<string>;
  /**
   * Lists the pages with a ttl that expire soon. Absent if the store cannot tell which pages are read.
   *
   * @param before Unix time in milliseconds
   * @returns the pages that expire before that time
   */
  uses?(before: number): AsyncIterable<PageUse>;
  /**
   * Reads what is known about pages. Absent if the store knows nothing.
   *
   * @param keys the keys of the pages
   * @returns the details in the same order; `undefined` if there is no such page
   */
  details?(keys: readonly string[]): Promise<(PageDetails | undefined)[]>;
  /**
   * Reads the counters of the server. Absent if the store has none.
   *
   * @returns the counters by their names
   */
  statistics?(): Promise<ReadonlyMap<string, string>>;
  /**
   * The string under which the server keeps a page. If absent, it is the key itself.
   *
   * @param key the key of the page
   * @returns the string that nginx looks up
   */
  serverKey?(key: string): string;
}
