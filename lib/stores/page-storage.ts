import type { Cache } from 'cache-manager';
import { inTime } from '../async/in-time.js';
import { waitFor } from '../async/patience.js';
import { isPage } from '../page/is-page.js';
import type { PageAddress } from '../page/page-key.js';
import type { Page } from '../page/page.js';
import { LocalJournal } from './journal/local-journal.js';
import type { Arrival } from './journal/purge-check.js';
import type { PurgeJournal } from './journal/purge-journal.js';
import type { PageStore } from './page-store.js';
import type { PageWrite } from './page-write.js';
import type { LeaseAnswer } from './render-lease.js';
import { UnsupportedError } from './unsupported.error.js';

/** An application that starts waits no longer for the store, in milliseconds. No visitor waits with it. */
const STARTUP = 1000;

/** The store of the application. Reading goes by way of cache-manager. */
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

  /**
   * @param request on whose behalf
   * @returns `undefined` when it is not there, or when the store does not say so in time
   */
  async get(key: string, request: object): Promise<Page | undefined> {
    const given = await waitFor(this.cache.get<unknown>(key), request);
    return isPage(given) ? given : undefined;
  }

  /** Whether there is a page; unlike `get`, it rejects when the store does not say so. */
  async has(key: string): Promise<boolean> {
    return this.store.has ? this.store.has(key) : (await this.store.keyv.get(key)) !== undefined;
  }

  /**
   * Asks for the right to render a page.
   *
   * @param silent the beat of a process that has died
   * @returns `undefined` when there is nobody to share the store with
   */
  async lease(key: string, silent: string | undefined): Promise<LeaseAnswer | undefined> {
    return this.store.lease?.(key, silent);
  }

  /** Looks at the journal for the first time: nobody knows what was purged before a page that is rendered earlier. */
  async start(): Promise<void> {
    await inTime(
      this.journal.look().catch(() => undefined),
      STARTUP,
    );
  }

  /** What this process knows when a request comes in. */
  arrive(): Arrival {
    return { position: this.journal.window.position, time: Date.now() };
  }

  /**
   * Begins the rendering of a page that a visitor has asked for.
   *
   * @param leads whether other processes shall wait for it
   * @returns `undefined` when the store does not answer in time: nothing can be stored then
   */
  async begin(address: PageAddress, arrival: Arrival, request: object, leads: boolean): Promise<PageWrite | undefined> {
    const write = this.store.begin(address, { arrival, renews: false, leads }).catch(() => undefined);
    const begun = await waitFor(write, request);
    // Nobody renders under the lease of an answer that comes too late.
    if (!begun) void write.then((late) => late?.lease?.kind === 'granted' && late.lease.lease.release(true));
    return begun;
  }

  /** Begins a rendering for `publish()` or `refresh()`, for which no visitor waits. */
  async renew(address: PageAddress, arrival: Arrival): Promise<PageWrite | undefined> {
    return this.store.begin(address, { arrival, renews: true, leads: false }).catch(() => undefined);
  }

  get journal(): PurgeJournal {
    return this.store.journal;
  }

  /** Whether a page goes by itself of which nobody knows whether it was stored. */
  get forgets(): boolean {
    return this.store.forgets;
  }

  /** Whether a rendering that has begun shows that the store answers: one whose journal is local has not been asked. */
  get isAskedFirst(): boolean {
    return !(this.journal instanceof LocalJournal);
  }

  /** Whether everything can be purged. */
  get lists(): boolean {
    return this.store.keys !== undefined;
  }

  /** The keys of all pages with one of the tags; of all pages, when the store keeps no tags. */
  tagged(tags: readonly string[]): AsyncIterable<string> {
    return this.store.tagged?.(tags) ?? this.listToPurge();
  }

  /** @returns how many there were */
  async delete(keys: readonly string[]): Promise<number> {
    return keys.length === 0 ? 0 : this.store.deletePages(keys);
  }

  /** @returns how many there were at and below the path; `undefined` when the store only deletes one by one */
  async deleteUnder(path: string): Promise<number | undefined> {
    return this.store.deleteUnder?.(path);
  }

  /** Every stored key of the site. */
  list(): AsyncIterable<string> {
    return this.listed(this.store.keys?.(this.prefix));
  }

  /** The same and what is being written at the moment. */
  listToPurge(): AsyncIterable<string> {
    return this.listed(this.store.keysToPurge?.(this.prefix) ?? this.store.keys?.(this.prefix));
  }

  private listed(keys: AsyncIterable<string> | undefined): AsyncIterable<string> {
    if (keys) return keys;
    throw new UnsupportedError(
      'This store cannot list its pages: purge them by path, or use memoryStore(), fileStore() or memcachedStore({ servers })',
    );
  }

  serverKey(key: string): string {
    return this.store.serverKey?.(key) ?? key;
  }
}
