import type { Cache } from 'cache-manager';
import { inTime } from '../async/in-time.js';
import { waitFor } from '../async/patience.js';
import { isPage } from '../page/is-page.js';
import type { PageAddress } from '../page/page-key.js';
import type { Page } from '../page/page.js';
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

/** An application that starts waits no longer for the store, in milliseconds. No visitor waits with it. */
const STARTUP = 1000;

/** The store of the application. Reading goes by way of cache-manager. */
export class PageStorage {
  #placement: Placement;
  #others: ServersOfOthers;
  /** Is told how many milliseconds the store took for a page that it was asked for, if anybody wants to know. */
  onRead: ((duration: number) => void) | undefined;

  /**
   * @param onGetError is told why a page could not be read: reading itself never fails
   * @param openServer opens a server that is not in the own list
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

  /** The servers; one, as a rule. */
  get parts(): readonly StoragePart[] {
    return this.#placement.parts;
  }

  /** Another one after each change of the list of servers. */
  get placement(): Placement {
    return this.#placement;
  }

  /**
   * Another list of servers holds from now on. What was begun before is not stored.
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

  /** @param close is called when the store is about to close, which is before the server does: Nest disconnects cache-manager first */
  onClose(close: () => void): void {
    // Not `once()`: of two such listeners, Keyv calls the first alone.
    this.store.keyv.on('disconnect', close);
  }

  /**
   * What a visitor is given: from the memory in front of the store, where there is one and it has the page.
   *
   * @param request on whose behalf
   * @returns `undefined` when it is not there, or when the store does not say so in time
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

  /** A page has been rendered. It may be stored, and stand in the place of another one. */
  rendered({ key }: PageAddress): void {
    this.tier?.drop(key);
  }

  /** A purge of this process has been carried out, or has failed. */
  purged(scope: PurgeScope): void {
    this.tier?.purge(scope);
  }

  /**
   * What the store has.
   *
   * @param request on whose behalf
   * @returns `undefined` when it is not there, or when the store does not say so in time
   */
  async get(key: string, request: object): Promise<Page | undefined> {
    return waitFor(this.stored(key), request);
  }

  /** The same for whom nobody waits. */
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
   * The copy of a page, which may outlive it.
   *
   * @param request on whose behalf
   * @returns `undefined` when there is none, or when the store does not say so in time
   */
  async copy(key: string, request: object): Promise<StaleCopy | undefined> {
    const reading = this.partOf(key)
      .store.copy?.(key)
      .catch(() => undefined);
    const copy = reading && (await waitFor(reading, request));
    return copy && copy.ifError > Date.now() && isPage(copy.page) ? copy : undefined;
  }

  /** A page, however long it takes; it rejects when the store does not say. */
  async lookUp(key: string): Promise<Page | undefined> {
    const given: unknown = await this.partOf(key).store.keyv.get(key);
    return isPage(given) ? given : undefined;
  }

  /** Whether there is a page, or a copy of one; unlike `get`, it rejects when the store does not say so. */
  async has(key: string): Promise<boolean> {
    const { store } = this.partOf(key);
    return store.has ? store.has(key) : (await store.keyv.get(key)) !== undefined;
  }

  /**
   * Asks for the right to render a page.
   *
   * @param silent the beat of a process that has died
   * @returns `undefined` when there is nobody to share the store with
   */
  async lease(key: string, silent: string | undefined): Promise<LeaseAnswer | undefined> {
    return this.partOf(key).store.lease?.(key, silent);
  }

  /** Looks at the journals for the first time: nobody knows what was purged before a page that is rendered earlier. */
  async start(): Promise<void> {
    await inTime(Promise.allSettled(this.parts.map(({ journal }) => journal.look())), STARTUP);
  }

  arrive(): StorageArrival {
    return this.#placement.arrive();
  }

  /**
   * Begins the rendering of a page that a visitor has asked for.
   *
   * @param leads whether other processes shall wait for it
   * @returns `undefined` when the store does not answer: nothing can be stored then. One that is only late may be asked while the handler runs
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

  /** Whether a page goes by itself of which nobody knows whether it was stored. */
  get forgets(): boolean {
    return this.parts.every(({ store }) => store.forgets);
  }

  /** Whether a rendering that has begun shows that the store answers: one whose journal is local has not been asked. */
  get isAskedFirst(): boolean {
    return this.parts.every(({ journal }) => !(journal instanceof LocalJournal));
  }

  /** Whether a process with another list of servers was started later: pages may be on any server of both lists. */
  get isOtherList(): boolean {
    return otherLists(this.parts).length > 0;
  }

  /** The servers that stand in such lists and not in the own one. */
  others(): readonly StoragePart[] {
    return this.#others.beside(this.parts);
  }

  async onModuleDestroy(): Promise<void> {
    await this.#others.close();
  }

  /** The pages that end before a time (Unix time in milliseconds), and which of them are read. */
  uses(before: number): AsyncIterable<PageUse> {
    return eachOf(this.parts, (part) => part.uses(before));
  }

  /** Every stored key of the site. */
  list(): AsyncIterable<string> {
    return eachOf(this.parts, (part) => part.list());
  }

  /** The same and what is being written at the moment. */
  listToPurge(): AsyncIterable<string> {
    return eachOf(this.parts, (part) => part.listToPurge());
  }

  /** What the store knows of pages, `undefined` where there is none, or where the store knows nothing of them. */
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

/** All that the servers have, also if one is away: only then it rejects, naming the server. */
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
