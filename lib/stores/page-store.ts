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
 * Where pages are kept, before anything is opened: what `memoryStore()`, `memcachedStore()` and `keyvStore()` return.
 * It is only a description, so that the same options can be given to the module and to `nginxConf()`.
 *
 * @publicApi
 */
export interface PageStoreDefinition {
  readonly kind: string;
  /** The servers that nginx can ask, when it can ask any. */
  readonly servers?: readonly { readonly address: string; readonly weight: number }[];
  /** The servers are reached by TLS: the certificates that theirs must come from (PEM), and the name in them where it is given. */
  readonly tls?: { readonly ca?: string | undefined; readonly servername?: string | undefined };
  /** Whether the servers want to know a user and a password, which nginx cannot tell them. */
  readonly isAuthenticated?: boolean;
  /** How the list of servers is read, when it changes while the application runs; `servers` is empty then. */
  readonly changing?: ChangingServers;
  /** What may be kept, when it is the memory of the process; the `ttl` is that of the first of `tiers`, in milliseconds. */
  readonly memory?: { readonly maxBytes: number; readonly ttl: number | undefined };
  /** Where nginx finds the pages, when they are files. */
  readonly files?: { readonly root: string; readonly brotli: boolean };
  /**
   * What the store cannot do, checked when the module is made: e.g. memcache-pp cannot carry compressed pages.
   *
   * @returns one sentence for each thing that the given options ask for and the store cannot give
   */
  limits?(wanted: StoreContext): string[];
  /** Opens the store. Must not throw or wait when a server is down: the store connects when it can. */
  open(context: StoreContext): PageStore;
  /** The same for pages that are spread over several servers; `open()` is not called then. */
  openSpread?(context: StoreContext): SpreadStore;
  /**
   * A server that only another process has in its list. Absent where there are no servers.
   *
   * @throws {NginxCacheConfigError} when the address is none
   */
  openServer?(address: string, context: StoreContext): PageStore;
}

/**
 * A list of servers that changes while the application runs.
 *
 * @publicApi
 */
export interface ChangingServers {
  /** How long to wait from one reading to the next, in milliseconds. */
  readonly interval: number;
  /** The store with the servers of the moment. Rejects when nobody knows them. */
  read(): Promise<PageStoreDefinition>;
}

/**
 * What the module tells a store.
 *
 * @publicApi
 */
export interface StoreContext {
  /** How a value is written where nginx reads it; stores that only the application reads may ignore it. */
  readonly format: PageFormat;
  /** Every key begins with it. */
  readonly prefix: string;
  readonly maxPageBytes: number;
  /** Whether pages are stored gzipped. */
  readonly compress: boolean;
  /** Whether keys must be listed: a purge of a path takes every allowed query of it, and nobody knows which there are. */
  readonly mustList: boolean;
  /** Whether copies may outlive their pages. */
  readonly keepsCopies?: boolean;
  /** Whether processes of another version must not store pages. */
  readonly isVersioned?: boolean;
  /** Whether somebody wants to know which pages are read. */
  readonly refreshesAhead?: boolean;
  /** What this process stores pages of; other processes may run another one. Absent when there is none. */
  readonly edition?: Edition;
}

/**
 * An open store of several servers. Each of them is a store of its own, with its own journal: a page is checked against the journal of the
 * server that it lives on.
 *
 * @publicApi
 */
export interface SpreadStore {
  /** As that of a `PageStore`, over all servers. */
  readonly keyv: Keyv<Page>;
  readonly servers: readonly PageStore[];
  /** The place of a page's server in `servers`. */
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
 * An open store. cache-manager reads pages through `keyv`; `begin()` is the only way to write one.
 *
 * Keys are page keys: "binary" strings in which each UTF-16 unit is one byte (latin1), not yet escaped for memcached.
 *
 * @publicApi
 */
export interface PageStore {
  /** The Keyv that cache-manager is given: raw values, untouched keys, errors thrown. */
  readonly keyv: Keyv<Page>;
  /** Where it is, for messages; absent when there is no server. */
  readonly server?: string;
  /** Has somebody told when the store answers that did not. Absent when nobody notices. */
  onReturn?(listener: () => void): void;
  /** The purges of all processes. Append a purge to it before you delete pages. */
  readonly journal: PurgeJournal;
  /**
   * Begins a rendering. What is purged from now on keeps its page out.
   *
   * @throws when the store does not answer
   */
  begin(address: PageAddress, context: WriteContext): Promise<PageWrite>;
  /** Whether a page goes by itself whose `commit()` failed: it may have been stored all the same. */
  readonly forgets: boolean;
  /**
   * Deletes pages with their copies. Rejects unless every server concerned has acknowledged.
   *
   * @returns how many pages there really were
   */
  deletePages(keys: readonly string[]): Promise<number>;
  /**
   * Deletes the pages at and below a path ('' is every page), on every host and in every variant. Absent when it is not quicker
   * than one by one.
   *
   * @returns how many there really were
   */
  deleteUnder?(path: string): Promise<number>;
  /**
   * Asks for the right to render a page. Absent when no other process shares the store.
   *
   * @param silent the beat of a process that has died: its lease is taken over
   */
  lease?(key: string, silent: string | undefined): Promise<LeaseAnswer>;
  /** Whether there is a page, or a copy of one. Absent when that takes as long as reading the page, and there are no copies. */
  has?(key: string): Promise<boolean>;
  /** The copy of a page, which outlives it. Absent when the store keeps none. */
  copy?(key: string): Promise<StaleCopy | undefined>;
  /** Every stored key that begins with `prefix`. Absent when the store cannot list. */
  keys?(prefix: string): AsyncIterable<string>;
  /**
   * The same, and the keys of what is being written at the moment, or is there as a copy only: a purge must take them as well. `keys` when
   * absent.
   */
  keysToPurge?(prefix: string): AsyncIterable<string>;
  /**
   * The keys of all pages, and of all copies, that have one of the tags, and of those whose tags are not known. Absent when the store
   * does not keep tags.
   */
  tagged?(tags: readonly string[]): AsyncIterable<string>;
  /** The pages with a ttl that end before a time (Unix time in milliseconds). Absent when the store cannot tell who was read. */
  uses?(before: number): AsyncIterable<PageUse>;
  /** What is known of pages, `undefined` where there is none. Absent when the store knows nothing of them. */
  details?(keys: readonly string[]): Promise<(PageDetails | undefined)[]>;
  /** What the server says of itself, by the names that it gives. Rejects when it does not answer. Absent when it says nothing. */
  statistics?(): Promise<ReadonlyMap<string, string>>;
  /** The string under which the server keeps the page: the key itself when absent. */
  serverKey?(key: string): string;
}
