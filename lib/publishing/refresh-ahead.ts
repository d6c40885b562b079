import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed, PageStored } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PageKeys } from '../page/page-key.js';
import { PageStorage } from '../stores/page-storage.js';
import type { PageUse } from '../stores/page-store.js';
import { PageRenderer } from './page-renderer.js';
import { ReadPages } from './read-pages.js';
import { SoleProcess } from './sole-process.js';

/** How often is looked for pages that end soon, in milliseconds: a tenth of the shortest ttl, within these bounds. */
const SHORTEST_INTERVAL = 500;
const LONGEST_INTERVAL = 10_000;
/** After looking comes a rest that is so many times as long: it takes at most a third of the time. */
const REST = 2;
/** memcached counts whole seconds of its own clock: a page may end so much earlier than it says, in milliseconds. */
const EARLY = 1000;
/** So many pages are rendered at once. */
const CONCURRENCY = 4;

/**
 * Renders the pages that visitors read again, shortly before they end. One process does it for all that share a store. docs/refreshing.md
 * says which pages, and how fast.
 */
@Injectable()
export class RefreshAhead implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #stop = new AbortController();
  readonly #sole: SoleProcess;
  /** When the life ended that a page was rendered for already, whatever came of it: by page key, Unix time in milliseconds. */
  readonly #tried = new Map<string, number>();
  #shortestTtl: number;
  /** How long the last round took, in milliseconds. */
  #round = 0;
  #working: Promise<void> | undefined;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageRenderer) private readonly renderer: PageRenderer,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {
    this.#sole = new SoleProcess(storage, 'refresh-ahead');
    this.#shortestTtl = options.ttl || Infinity;
  }

  onApplicationBootstrap(): void {
    // A worker or a script renders no pages.
    if (this.options.refreshAhead && this.host.httpAdapter?.getHttpServer?.()) this.#working = this.work();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stop.abort();
    this.#sole.giveUp();
    await this.#working;
  }

  @OnPageCache(PageStored)
  onStored({ ttl }: PageStored): void {
    if (ttl > 0) this.#shortestTtl = Math.min(this.#shortestTtl, ttl);
  }

  private get interval(): number {
    return Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, this.#shortestTtl / 10));
  }

  private async work(): Promise<void> {
    const { inactive, rate } = this.options.refreshAhead!;
    const read = new ReadPages(inactive);
    const { signal } = this.#stop;
    while (!signal.aborted) {
      let looked = 0;
      const start = performance.now();
      try {
        if (await this.isMine()) {
          const due = await this.due(read);
          looked = performance.now() - start;
          await this.renderAll(due, rate);
        }
      } catch (error) {
        if (!signal.aborted) this.dispatcher.notify(new PageCacheFailed('refresh-ahead', error));
      }
      const rest = Math.max(this.interval - (performance.now() - start), Math.min(looked * REST, LONGEST_INTERVAL));
      await delay(rest, undefined, { signal, ref: false }).catch(() => undefined);
      this.#round = performance.now() - start;
    }
  }

  /** A process that may not store pages leaves it to one that may. */
  private async isMine(): Promise<boolean> {
    const isOutdated = this.storage.parts.some(({ journal }) => journal.editions.refusal !== undefined);
    if (isOutdated) this.#sole.giveUp();
    return !isOutdated && this.#sole.isThis();
  }

  /** The pages that end before the round after the next one would have rendered them; those that end first come first. */
  private async due(read: ReadPages): Promise<PageUse[]> {
    const due: PageUse[] = [];
    const now = Date.now();
    for (const [key, expires] of this.#tried) if (expires < now) this.#tried.delete(key);
    for await (const page of this.storage.uses(now + 2 * Math.max(this.interval, this.#round) + EARLY)) {
      if (read.isRead(page) && this.#tried.get(page.key) !== page.expires) due.push(page);
    }
    return due.sort((one, other) => one.expires - other.expires);
  }

  /** Spreads the renderings over the time until the next look. @param rate so many pages a second at most */
  private async renderAll(due: readonly PageUse[], rate: number): Promise<void> {
    const { interval } = this;
    const some = due.slice(0, Math.max(1, Math.floor((rate * interval) / 1000)));
    const start = performance.now();
    const gap = interval / some.length;
    let next = 0;
    const work = async () => {
      while (next < some.length && !this.#stop.signal.aborted) {
        const index = next;
        next += 1;
        // Also where there is no time to wait: visitors who have come meanwhile come first.
        const wait = Math.max(0, start + index * gap - performance.now());
        await delay(wait, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
        await this.render(some[index]!);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
  }

  /** What could not be stored again ends at its time. */
  private async render({ key, expires }: PageUse): Promise<void> {
    const address = this.keys.parse(key);
    if (!address || this.#stop.signal.aborted) return;
    this.#tried.set(key, expires);
    await this.renderer.render(address, this.#stop.signal, 'refresh-ahead');
  }
}
