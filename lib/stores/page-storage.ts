import type { Cache } from 'cache-manager';
import { isPage } from '../page/is-page.js';
import type { Page } from '../page/page.js';
import { inTime } from '../async/in-time.js';
import type { PageStore, PurgeJournal } from './page-store.js';
import { UnsupportedError } from './unsupported.error.js';

/** A visitor never waits longer for the cache, in milliseconds. */
const GET_DEADLINE = 45;

/** So long a page is there before it is known whether somebody has purged it meanwhile, in milliseconds. */
const PROVISIONAL_TTL = 10_000;

/** Somebody else renders the page anew: it may stay where it is until that is done, or for its moment. */
export const REFRESHED = 'refreshed';

/** What this process knew of purges when a request came in. */
export interface Arrival {
  /** Unix time in milliseconds. */
  readonly time: number;
  /** The purges that this process had made. */
  readonly count: number;
  /** The last known position of the purge journal. */
  readonly purges: string | undefined;
}

/** Against what a page is stored. */
export interface PagePosition {
  /** Of the purge journal; '' when there is none. */
  readonly purges: string;
  /** Its entries since the request came in; `undefined` when they are not known. */
  readonly before: readonly string[] | undefined;
  /** The purges that this process had made when the request came in. */
  readonly count: number;
  /** Of what stood at the key. */
  readonly version: string | undefined;
}

/** Pages in their store, by way of cache-manager. */
export class PageStorage {
  /** @param onGetError is told why a page could not be read: reading itself never fails */
  constructor(
    private readonly cache: Cache,
    private readonly store: PageStore,
    private readonly prefix: string,
    onGetError: (error: unknown) => void,
  ) {
    cache.on('get', ({ error }) => {
      if (error !== undefined) onGetError(error);
    });
  }

  /** @returns `undefined` when it is not there, or when the store does not say so in time */
  async get(key: string): Promise<Page | undefined> {
    const given = await inTime(this.cache.get<unknown>(key), GET_DEADLINE);
    return isPage(given) ? given : undefined;
  }

  /**
   * @param ttl in milliseconds; 0 = until purged. Up to 10 % is taken off, so that pages stored together do not expire
   *   together.
   * @param position from before the page was rendered
   * @param whyNotKept asked when it is stored
   * @returns why it is not kept: `whyNotKept`'s answer, or `superseded` when another page has been stored meanwhile
   */
  async set(
    key: string,
    page: Page,
    ttl: number,
    position: PagePosition,
    whyNotKept: () => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const spread = ttl === 0 ? 0 : Math.max(1, Math.ceil(ttl * (1 - Math.random() / 10)));
    const { versions } = this.store;
    if (!versions) {
      await this.cache.set(key, page, spread);
      const reason = await whyNotKept();
      if (reason !== undefined) await this.store.deletePages([key]);
      return reason;
    }
    const first = Math.min(spread || PROVISIONAL_TTL, PROVISIONAL_TTL);
    const version = await versions.replace(key, page, first, position.version);
    if (version === undefined) return 'superseded';
    const reason = await whyNotKept();
    if (reason === undefined) await versions.confirm(key, page, spread, version);
    else if (reason !== REFRESHED) await versions.withdraw(key, version);
    return reason;
  }

  /**
   * Where purges and a page stand before the page is rendered.
   *
   * @param arrival what was known when the request came in
   * @param isVisitorWaiting who does not wait longer than for a page
   * @returns `undefined` when the store does not say so in time: nothing can be stored then
   */
  async position(key: string, arrival: Arrival, isVisitorWaiting: boolean): Promise<PagePosition | undefined> {
    const { count, purges: known, time } = arrival;
    const { journal, versions } = this.store;
    if (!journal && !versions) return { purges: '', before: [], count, version: undefined };
    const position = Promise.all([journal?.arrived(known, time), versions?.of(key)])
      .then(([now, version]) => ({ purges: now?.position ?? '', before: now ? now.before : [], count, version }))
      .catch(() => undefined);
    return isVisitorWaiting ? inTime(position, GET_DEADLINE) : position;
  }

  /** Whether there is a page; unlike `get`, it rejects when the store does not say so. */
  async has(key: string): Promise<boolean> {
    const { versions, keyv } = this.store;
    return (await (versions ? versions.of(key) : keyv.get(key))) !== undefined;
  }

  /** Reads the journal for the first time: of a page that is rendered before that, nobody knows what was purged before. */
  async begin(): Promise<void> {
    await inTime(
      Promise.resolve(this.store.journal?.position()).catch(() => undefined),
      GET_DEADLINE,
    );
  }

  /** Whether everything can be purged. */
  get lists(): boolean {
    return this.store.keys !== undefined;
  }

  /** Whether a page that is stored late, or of which nobody knows whether it was purged, goes by itself. */
  get forgets(): boolean {
    return this.store.versions !== undefined;
  }

  /** Absent when no other process can write to the store. */
  get journal(): PurgeJournal | undefined {
    return this.store.journal;
  }

  /** The keys of all pages with one of the tags; of all pages, when the store keeps no tags. */
  tagged(tags: readonly string[]): AsyncIterable<string> {
    return this.store.tagged?.(tags) ?? this.list(this.prefix);
  }

  /** @returns how many there were */
  async delete(keys: readonly string[]): Promise<number> {
    return keys.length === 0 ? 0 : this.store.deletePages(keys);
  }

  /** @returns how many there were at and below the path; `undefined` when the store only deletes one by one */
  async deleteUnder(path: string): Promise<number | undefined> {
    return this.store.deleteUnder?.(path);
  }

  /** Every stored key that begins with `prefix`. */
  list(prefix: string): AsyncIterable<string> {
    if (!this.store.keys)
      throw new UnsupportedError('This store cannot list its pages; use memoryStore() or memcachedStore({ servers }).');
    return this.store.keys(prefix);
  }

  serverKey(key: string): string {
    return this.store.serverKey?.(key) ?? key;
  }
}
