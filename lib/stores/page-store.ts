import type { Keyv } from 'keyv';
import type { Page } from '../page/page.js';
import type { PageFormat } from '../page/page-format.js';

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
}

/** What the module tells a store. */
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
}

/** @publicApi */
export interface ArrivalPosition {
  readonly position: string;
  /** `undefined` when it cannot be proved that these are all. */
  readonly before: readonly string[] | undefined;
}

/**
 * The purges that all processes have made lately, kept where the pages are.
 *
 * @publicApi
 */
export interface PurgeJournal {
  /** Where it stands now. */
  position(): Promise<string>;
  /** The last position that this process has seen, if any. */
  readonly known: string | undefined;
  /**
   * Where it stands now, and what has been added to it since a request came in: as far as that can be told without asking at
   * that time.
   *
   * @param known from when the request came in
   * @param time Unix time in milliseconds, when it did
   */
  arrived(known: string | undefined, time: number): Promise<ArrivalPosition>;
  /** Resolves when the store has acknowledged the entry. */
  append(entry: string): Promise<void>;
  /** The entries since a position; `undefined` when it cannot be proved that these are all. */
  since(position: string): Promise<readonly string[] | undefined>;
}

/**
 * Storing in two steps: a page is stored for a moment, and confirmed when it is known that nobody has purged it meanwhile. One that
 * a crash or a stopped server leaves unchecked goes by itself. Each step leaves pages that others have stored meanwhile alone.
 *
 * @publicApi
 */
export interface PageVersions {
  /** The version of what stands at a key; `undefined` when nothing does. */
  of(key: string): Promise<string | undefined>;
  /**
   * Stores a page in the place of a version.
   *
   * @param ttl in milliseconds
   * @returns its own version; `undefined` when another has come to the place, and nothing was stored
   */
  replace(key: string, page: Page, ttl: number, version: string | undefined): Promise<string | undefined>;
  /**
   * Gives a stored page its time.
   *
   * @param ttl in milliseconds; 0 = until purged
   */
  confirm(key: string, page: Page, ttl: number, version: string): Promise<void>;
  /** Deletes a stored page. */
  withdraw(key: string, version: string): Promise<void>;
}

/**
 * An open store. Pages are read and written through `keyv` (by cache-manager); what Keyv cannot express is here.
 *
 * Keys are page keys: "binary" strings in which each UTF-16 unit is one byte (latin1), not yet escaped for memcached.
 *
 * @publicApi
 */
export interface PageStore {
  /** The Keyv that cache-manager is given: raw values, untouched keys, errors thrown. */
  readonly keyv: Keyv<Page>;
  /**
   * Deletes pages. Rejects unless every server concerned has acknowledged.
   *
   * @returns how many there really were
   */
  deletePages(keys: readonly string[]): Promise<number>;
  /**
   * Deletes the pages at and below a path ('' is every page), on every host and in every variant. Absent when it is not quicker
   * than one by one.
   *
   * @returns how many there really were
   */
  deleteUnder?(path: string): Promise<number>;
  /** Every stored key that begins with `prefix`. Absent when the store cannot list. */
  keys?(prefix: string): AsyncIterable<string>;
  /**
   * The keys of all pages that have one of the tags, and of those whose tags are not known any more. Absent when the store
   * does not keep tags.
   */
  tagged?(tags: readonly string[]): AsyncIterable<string>;
  /** Absent when no other process can write to the store. */
  readonly journal?: PurgeJournal;
  /** Absent where a page cannot be told from another that has come to its place; then storing overwrites. */
  readonly versions?: PageVersions;
  /** The string under which the server keeps the page: the key itself when absent. */
  serverKey?(key: string): string;
}
