import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { CheckedOptions } from '../options/checked-options.js';
import { CHANGING_STORE, PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PageStorage } from '../stores/page-storage.js';
import type { PageStore, SpreadStore } from '../stores/page-store.js';
import { Placement } from '../stores/placement.js';
import { EditionKeeper } from './edition-keeper.js';
import { Purger } from './purger.js';

/** A store with another list of servers. */
export interface OtherServers {
  readonly store: SpreadStore;
  readonly openServer: ((address: string) => PageStore) | undefined;
  /** Makes the application read from this store, and compare it with nginx. */
  use(): void;
}

/** Where a list of servers that changes comes from. */
export interface ServerSource {
  /** How long to wait from one reading to the next, in milliseconds. */
  readonly interval: number;
  /** @returns `undefined` when the list is still the same. Rejects when nobody knows the list */
  read(): Promise<OtherServers | undefined>;
}

/** Follows a list of servers that changes while the application runs. docs/cluster.md says what happens meanwhile. */
@Injectable()
export class ServerChanges implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('PageCache');
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isReported = false;

  constructor(
    @Inject(CHANGING_STORE) private readonly source: ServerSource | undefined,
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(EditionKeeper) private readonly keeper: EditionKeeper,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule();
  }

  onModuleDestroy(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  private schedule(): void {
    if (!this.source || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.look(this.source!), this.source.interval).unref();
  }

  /** Keeps the current list when it cannot read another one. */
  private async look(source: ServerSource): Promise<void> {
    try {
      const next = await source.read();
      this.#isReported = false;
      if (next && !this.#isClosed) await this.change(next);
    } catch (error) {
      this.report(error);
    }
    this.schedule();
  }

  private async change({ store, openServer, use }: OtherServers): Promise<void> {
    const next = new Placement(store, this.options.prefix);
    // All claims must be known before anything is purged by the new list: they name the servers of the old one.
    await Promise.allSettled(next.parts.map(({ journal }) => journal.catchUp()));
    const former = this.storage.parts;
    this.storage.replace(next, openServer);
    this.purger.adopt(former);
    use();
    this.#logger.log(
      `The list of memcached servers has changed. Pages are now stored on ${next.parts.map(({ server }) => server).join(', ')}.`,
    );
    await this.keeper.begin();
  }

  private report(error: unknown): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#logger.warn(
      `The list of memcached servers cannot be read (${error instanceof Error ? error.message : String(error)}). ` +
        'The last list stays in use, and the module goes on reading it. Reported once.',
    );
  }
}
