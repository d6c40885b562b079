import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { inTime } from '../async/in-time.js';
import { together } from '../async/together.js';
import { Renewals } from '../caching/renewals.js';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed, PageStored } from '../events/outcomes.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import { mayConcern, type PurgeScope } from '../stores/journal/purge-scope.js';
import { PageStorage } from '../stores/page-storage.js';
import type { PageUse } from '../stores/page-store.js';
import { PageRenderer } from './page-renderer.js';
import { ReadPages } from './read-pages.js';
import { RecentPurges } from './recent-purges.js';
import { RefreshLag } from './refresh-lag.js';
import { SoleProcess } from './sole-process.js';

/** How often to look for pages that end soon, in milliseconds: a tenth of the shortest ttl, within these bounds. */
const SHORTEST_INTERVAL = 500;
const LONGEST_INTERVAL = 10_000;
/** The rest after looking is this many times as long as the look: looking takes at most a third of the time. */
const REST = 2;
/** How many rounds before its end a page is due. */
const ROUNDS = 3;
/** memcached counts whole seconds of its own clock: a page may end this much earlier than it says, in milliseconds. */
const EARLY = 1000;
/** How many pages are rendered at once. With pages that take 20 ms, this is enough for 500 a second. */
const CONCURRENCY = 16;
/** How often to look for purges, in milliseconds. */
const PURGE_INTERVAL = 500;
/** For how many pages it is found out whether a purge has taken them. */
const EXAMINED = 1000;
/** How long the end of the application waits for the store, in milliseconds. What is under way then ends when the store is closed. */
const CLOSING = 250;

/**
 * Renders the pages that visitors read again, shortly before they end. One process does this for all that share a store. docs/refreshing.md
 * says which pages, and how fast.
 */
@Injectable()
export class RefreshAhead implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stop = new AbortController();
  readonly #sole: SoleProcess;
  readonly #read: ReadPages;
  /** Whether this process does it. */
  #isMine = false;
  /** By page key: the end of the life for which a rendering was tried, whatever came of it. Unix time in milliseconds. */
  readonly #tried = new Map<string, number>();
  #shortestTtl: number;
  /** How long the last round took, in milliseconds. */
  #round = 0;
  #working: Promise<unknown> | undefined;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageRenderer) private readonly renderer: PageRenderer,
    @Inject(Renewals) private readonly renewals: Renewals,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {
    // Each page that waits for its turn, or is being rendered, listens to the signal.
    setMaxListeners(4 * CONCURRENCY, this.#stop.signal);
    this.#sole = new SoleProcess(storage, 'refresh-ahead');
    this.#read = new ReadPages(options.refreshAhead?.inactive ?? 0);
    this.#shortestTtl = options.ttl || Infinity;
  }

  onApplicationBootstrap(): void {
    // A worker or a script renders no pages.
    if (!this.options.refreshAhead || !this.host.httpAdapter?.getHttpServer?.()) return;
    this.#working = Promise.all([this.work(), this.options.refreshAhead.afterPurge > 0 && this.workAfterPurges()]);
  }

  async onModuleDestroy(): Promise<void> {
    this.#stop.abort();
    this.#sole.giveUp();
    if (this.#working) await inTime(this.#working, CLOSING);
  }

  @OnPageCache(PageStored)
  onStored({ address: { key }, ttl, wasRead }: PageStored): void {
    const expires = ttl > 0 ? Date.now() + ttl : Infinity;
    // A visitor may have read the page after it was found to be due.
    this.#read.isStored(key, expires, wasRead);
    if (ttl > 0) this.#shortestTtl = Math.min(this.#shortestTtl, ttl);
  }

  private get interval(): number {
    return Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, this.#shortestTtl / 10));
  }

  private async work(): Promise<void> {
    const { rate } = this.options.refreshAhead!;
    const { signal } = this.#stop;
    const lag = new RefreshLag(rate);
    while (!signal.aborted) {
      let looked = 0;
      let due: readonly PageUse[] = [];
      const start = performance.now();
      try {
        this.#isMine = await this.isMine();
        if (this.#isMine) {
          due = await this.due();
          looked = performance.now() - start;
          await this.renderAll(due, rate);
        }
      } catch (error) {
        this.failed(error);
      }
      await this.rest(Math.max(this.interval - (performance.now() - start), Math.min(looked * REST, LONGEST_INTERVAL)));
      this.#round = performance.now() - start;
      lag.roundEnded(due.filter((page) => this.isMissed(page)).length);
    }
  }

  /** Renders again pages that visitors have read and that were purged. */
  private async workAfterPurges(): Promise<void> {
    const { afterPurge, rate } = this.options.refreshAhead!;
    const { signal } = this.#stop;
    const purges = new RecentPurges(this.storage);
    while (!signal.aborted) {
      await this.rest(PURGE_INTERVAL);
      const scopes = this.#isMine ? await purges.next() : [];
      if (scopes.length === 0) continue;
      try {
        const gone = await this.goneBy(scopes);
        await this.spread(gone.slice(0, afterPurge), 1000 / rate, (address) =>
          this.renewals.renew(address, 'refresh-ahead'),
        );
      } catch (error) {
        this.failed(error);
      }
    }
  }

  /** The read pages that the purges have taken, unless they were rendered again meanwhile. Those that were read last come first. */
  private async goneBy(scopes: readonly PurgeScope[]): Promise<PageAddress[]> {
    const isConcerned = (page: PageAddress) => scopes.some((scope) => mayConcern(scope, page));
    const pages = this.#read.latest().flatMap((key) => this.keys.parse(key) ?? []);
    const gone: PageAddress[] = [];
    for (const page of pages.filter(isConcerned).slice(0, EXAMINED)) {
      if (!(await this.storage.has(page.key))) gone.push(page);
    }
    return gone;
  }

  private failed(error: unknown): void {
    if (!this.#stop.signal.aborted) this.dispatcher.notify(new PageCacheFailed('refresh-ahead', error));
  }

  private async rest(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
  }

  /** Whether this process does it. A process that may not store pages leaves it to one that may. */
  private async isMine(): Promise<boolean> {
    const isOutdated = this.storage.parts.some(({ journal }) => journal.editions.refusal !== undefined);
    if (isOutdated) this.#sole.giveUp();
    return !isOutdated && this.#sole.isThis();
  }

  /**
   * The pages that end within three rounds: this one, the next, and one more, since a round takes twice as long when the machine is busy. A page
   * that is found too late is rendered only for its next visitor. Pages that end first come first. However long rounds take, no page is due
   * in the first half of its life: otherwise all pages would be rendered in each round, and rounds would take still longer.
   */
  private async due(): Promise<PageUse[]> {
    const due: PageUse[] = [];
    const now = Date.now();
    for (const [key, expires] of this.#tried) if (expires < now) this.#tried.delete(key);
    const { interval } = this;
    const rounds = Math.min(ROUNDS * Math.max(interval, this.#round), this.#shortestTtl / 2);
    for await (const page of this.storage.uses(now + Math.max(rounds, 2 * interval) + EARLY)) {
      if (this.#read.isRead(page) && this.#tried.get(page.key) !== page.expires) due.push(page);
    }
    return due.sort((one, other) => one.expires - other.expires);
  }

  /**
   * Spreads the renderings over the time until the next look. What is left by then is found again, along with pages that end earlier.
   *
   * @param rate how many pages per second at most
   */
  private async renderAll(due: readonly PageUse[], rate: number): Promise<void> {
    const { interval } = this;
    const end = performance.now() + interval;
    // As many as fit into a whole round, with looking and resting.
    const some = due.slice(0, Math.max(1, Math.floor((rate * Math.max(interval, this.#round)) / 1000)));
    await this.spread(some, interval / some.length, async (page) => {
      if (performance.now() <= end) await this.render(page);
    });
  }

  /** @param gap from the beginning of one rendering to that of the next, in milliseconds */
  private async spread<T>(pages: readonly T[], gap: number, render: (page: T) => Promise<void>): Promise<void> {
    const start = performance.now();
    await together(pages, CONCURRENCY, async (page, index) => {
      // Even if there is no time to wait: visitors who have come meanwhile come first.
      await this.rest(Math.max(0, start + index * gap - performance.now()));
      if (!this.#stop.signal.aborted) await render(page);
    });
  }

  /** Whether a page that was due has expired without a rendering. */
  private isMissed({ key, expires }: PageUse): boolean {
    return expires <= Date.now() && this.#tried.get(key) !== expires;
  }

  /** Renders a page that is due. If it cannot be stored again, it ends at its time. */
  private async render({ key, expires }: PageUse): Promise<void> {
    const address = this.keys.parse(key);
    if (!address) return;
    this.#tried.set(key, expires);
    // Somebody has purged the page.
    if (expires - EARLY > Date.now() && !(await this.storage.has(key))) return;
    await this.renderer.render(address, this.#stop.signal, 'refresh-ahead');
  }
}
