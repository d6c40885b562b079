import type { Cache } from 'cache-manager';
import { inTime } from '../async/in-time.js';
import { waitFor } from '../async/patience.js';
import { isPage } from '../page/is-page.js';
import type { PageAddress } from '../page/page-key.js';
import type { Page } from '../page/page.js';
import { CLOSING } from './announcing-keyv.js';
import { LocalJournal } from './journal/local-journal.js';
import { PurgeCheck } from './journal/purge-check.js';
import type { PurgeScope } from './journal/purge-scope.js';
import { LateWrite } from './late-write.js';
import type { MemoryTier } from './memory-tier.js';
import type { PageDetails } from './page-details.js';
import type { PageStore, PageUse, SpreadStore } from './page-store.js';
import type { PageWrite } from './page-write.js';
import type { LeaseAnswer } from './render-lease.js';
import { Placement, type StorageArrival } from './placement.js';
import { otherLists, ServersOfOthers } from './servers-of-others.js';
import type { StaleCopy } from './stale-copy.js';
import type { StoragePart } from './storage-part.js';

/** How long an application that starts waits for the store, in milliseconds. No visitor is waiting then. */
const STARTUP = 1000;

/** The store of the application. It reads through cache-manager. */
export class PageStorage {
  #placement: Placement;
  #others: ServersOfOthers;
  /** Gets the time that the store took to read a page, in milliseconds; `undefined` if nobody wants to know. */
  onRead: ((duration: number) => void) | undefined;

  /**
   * @param onGetError gets the error when a page could not be read: reading itself never fails
   * @param openServer opens a server that is not in the list of this process
   * @param tier the memory in front of the store
   */
  constructor(
    private readonly cache: Cache,
    private readonly store: PageStore | SpreadStore,
    private readonly prefix: string,
    onGetError: (error: unknown) => void,
    openServer?: (address: string) => PageStore,
    private readonly tier?: MemoryTier,
  ) {
    this.#placement = new Placement(store, prefix);
    this.#others = new ServersOfOthers(prefix, openServer);
    cache.on('get', ({ error }) => {
      if (error !== undefined) onGetError(error);
    });
  }

  /** The servers; usually one. */
  get parts(): readonly StoragePart[] {
    return this.#placement.parts;
  }

  /** A new one after each change of the list of servers. */
  get placement(): Placement {
    return this.#placement;
  }

  /**
   * Switches to another list of servers. Renderings that began before are not stored.
   *
   * @param openServer opens a server that is not in that list
   */
  replace(next: Placement, openServer: ((address: string) => PageStore) | undefined): void {
    for (const { journal } of this.parts) journal.editions.isRetired = true;
    this.#others.retire();
    this.#others = new ServersOfOthers(this.prefix, openServer);
    this.#placement = next;
    this.purged({ kind: 'all' });
  }

  /** @param listener is called when the application begins to close. The server and the store are still open then */
  onClosing(listener: () => void): void {
    // Not `once()`: of two such listeners, Keyv calls only the first.
    this.store.keyv.on(CLOSING, listener);
  }

  /**
   * Reads a page for a visitor: from the memory in front of the store if it has the page, otherwise from the store.
   *
   * @param request the request of the visitor
   * @returns `undefined` when there is no page, or when the store does not answer in time
   */
  async hit(address: PageAddress, request: object): Promise<Page | undefined> {
    const { tier } = this;
    if (!tier) return this.get(address.key, request);
    const { journal } = this.partOf(address.key);
    return (
      tier.get(address.key) ??
      waitFor(
        tier.read(address, journal, () => this.stored(address.key)),
        request,
      )
    );
  }

  /** Must be called when a page has been rendered: it may have replaced the stored page. */
  rendered({ key }: PageAddress): void {
    this.tier?.drop(key);
  }

  /** Must be called when a purge of this process has been carried out, or has failed. */
  purged(scope: PurgeScope): void {
    this.tier?.purge(scope);
  }

  /**
   * Reads a page from the store.
   *
   * @param request the request for which it is read
   * @returns `undefined` when there is no page, or when the store does not answer in time
   */
  async get(key: string, request: object): Promise<Page | undefined> {
    return waitFor(this.stored(key), request);
  }

  /** As `get`, but nobody waits for the page. */
  async stored(key: string): Promise<Page | undefined> {
    const given = await this.read(key);
    return isPage(given) ? given : undefined;
  }

  private read(key: string): Promise<unknown> {
    const reading = this.cache.get<unknown>(key);
    const { onRead } = this;
    if (!onRead) return reading;
    const start = performance.now();
    return reading.finally(() => onRead(performance.now() - start));
  }

  /**
   * Reads the copy of a page, which may outlive the page.
   *
   * @param request the request for which it is read
   * @returns `undefined` when there is no copy, or when the store does not answer in time
   */
  async copy(key: string, request: object): Promise<StaleCopy | undefined> {
    const reading = this.partOf(key)
      .store.copy?.(key)
      .catch(() => undefined);
    const copy = reading && (await waitFor(reading, request));
    return copy && copy.ifError > Date.now() && isPage(copy.page) ? copy : undefined;
  }

  /** Reads a page, however long it takes. Rejects when the store does not answer. */
  async lookUp(key: string): Promise<Page | undefined> {
    const given: unknown = await this.partOf(key).store.keyv.get(key);
    return isPage(given) ? given : undefined;
  }

  /** Whether there is a page, or a copy of one. Unlike `get`, this rejects when the store does not answer. */
  async has(key: string): Promise<boolean> {
    const { store } = this.partOf(key);
    return store.has ? store.has(key) : (await store.keyv.get(key)) !== undefined;
  }

  /**
   * Asks for the right to render a page.
   *
   * @param silent the beat of a process that has died
   * @returns `undefined` when no other process shares the store
   */
  async lease(key: string, silent: string | undefined): Promise<LeaseAnswer | undefined> {
    return this.partOf(key).store.lease?.(key, silent);
  }

  /** Looks at the journals for the first time. If a page is rendered before that, nobody knows whether it was purged. */
  async start(): Promise<void> {
    await inTime(Promise.allSettled(this.parts.map(({ journal }) => journal.look())), STARTUP);
  }

  arrive(): StorageArrival {
    return this.#placement.arrive();
  }

  /**
   * Begins the rendering of a page that a visitor has asked for.
   *
   * @param leads whether other processes should wait for the page
   * @returns `undefined` when the store is down: nothing can be stored then. When the store is only late, the write waits for it during the handler
   */
  async begin(
    address: PageAddress,
    given: StorageArrival,
    request: object,
    leads: boolean,
  ): Promise<PageWrite | undefined> {
    const { part, arrival } = given(address.key);
    const { store, journal } = part;
    let isRunning = false;
    let isDown = false;
    const begun = store.begin(address, { arrival, renews: false, leads, isRunning: () => isRunning });
    const failed = () => {
      isDown = true;
      return undefined;
    };
    const write = await waitFor(begun.catch(failed), request);
    if (write || isDown) return write;
    isRunning = true;
    return new LateWrite(begun, new PurgeCheck(journal, address, arrival, arrival.position, false));
  }

  /** Begins a rendering for `publish()` or `refresh()`, for which no visitor waits. */
  async renew(address: PageAddress, given: StorageArrival): Promise<PageWrite | undefined> {
    const { part, arrival } = given(address.key);
    return part.store.begin(address, { arrival, renews: true, leads: false }).catch(() => undefined);
  }

  /** Whether a page disappears by itself when it is unknown whether it was stored. */
  get forgets(): boolean {
    return this.parts.every(({ store }) => store.forgets);
  }

  /** Whether a rendering that has begun shows that the store answers. A store with a local journal is not asked at the beginning. */
  get isAskedFirst(): boolean {
    return this.parts.every(({ journal }) => !(journal instanceof LocalJournal));
  }

  /** Whether a process with another list of servers was started later: pages may be on any server of both lists. */
  get isOtherList(): boolean {
    return otherLists(this.parts).length > 0;
  }

  /** The servers that are in the lists of such processes, and not in the list of this one. */
  others(): readonly StoragePart[] {
    return this.#others.beside(this.parts);
  }

  async close(): Promise<void> {
    await Promise.all([this.#others.close(), this.store.keyv.disconnect()]);
  }

  /** The pages that end before a time (Unix time in milliseconds), and which of them are read. */
  uses(before: number): AsyncIterable<PageUse> {
    return eachOf(this.parts, (part) => part.uses(before));
  }

  /** Every stored key of the site. */
  list(): AsyncIterable<string> {
    return eachOf(this.parts, (part) => part.list());
  }

  /** As `list`, and the pages that are being written at the moment. */
  listToPurge(): AsyncIterable<string> {
    return eachOf(this.parts, (part) => part.listToPurge());
  }

  /** Reads the details of pages; `undefined` for a page that does not exist, or of which the store knows nothing. */
  async details(keys: readonly string[]): Promise<(PageDetails | undefined)[]> {
    const found = new Map<string, PageDetails | undefined>();
    await Promise.all(
      this.parts.map(async ({ store, holds }) => {
        const own = keys.filter(holds);
        const details = own.length > 0 ? await store.details?.(own) : undefined;
        for (const [index, key] of own.entries()) found.set(key, details?.[index]);
      }),
    );
    return keys.map((key) => found.get(key));
  }

  /** The server of a page, for messages; `undefined` when there is none. */
  serverOf(key: string): string | undefined {
    return this.partOf(key).server;
  }

  serverKey(key: string): string {
    return this.partOf(key).store.serverKey?.(key) ?? key;
  }

  private partOf(key: string): StoragePart {
    return this.#placement.partOf(key);
  }
}

/** Lists the entries of all servers. If some servers fail, it rejects with their errors, but only after it has listed all the others. */
async function* eachOf<T>(
  parts: readonly StoragePart[],
  list: (part: StoragePart) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const failures: unknown[] = [];
  for (const part of parts) {
    try {
      yield* list(part);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('; '));
}
