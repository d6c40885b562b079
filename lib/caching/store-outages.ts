import { Inject, Injectable, Logger } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageCacheFailed, PageStored } from '../events/outcomes.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PageStorage } from '../stores/page-storage.js';

/** How many pages in a row must miss a server before that is reported: for one page, the server may only be late. */
const IN_A_ROW = 3;

/** What is known about a server that does not answer. */
interface Outage {
  /** How many pages in a row have missed it. */
  readonly missed: number;
  /** Why, as far as the server has said. */
  readonly reason: string;
}

const NONE: Outage = { missed: 0, reason: '' };

/** Says once that a server of the store is gone, and once that it is back. */
@Injectable()
export class StoreOutages {
  readonly #logger = new Logger('PageCache');
  readonly #name: string;
  readonly #outages = new Map<string, Outage>();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) { store }: CheckedOptions,
    @Inject(PageStorage) private readonly storage: PageStorage,
  ) {
    this.#name = [`${store.kind}Store()`, ...(store.files ? [store.files.root] : [])].join(' ');
  }

  /** The store could not be asked for a page, since its server has not answered in time. */
  missed(server = ''): void {
    const { missed, reason } = this.of(server);
    this.#outages.set(server, { missed: missed + 1, reason });
    if (missed + 1 !== IN_A_ROW) return;
    const why = reason === '' ? '' : ` (${reason})`;
    this.#logger.warn(
      `${this.name(server)} does not answer${why}: until it does, pages are rendered for each visitor and not stored (detail=store-down). Reported once.`,
    );
  }

  answered(server = ''): void {
    const { missed } = this.of(server);
    if (missed >= IN_A_ROW) {
      this.#logger.warn(`${this.name(server)} answers again. ${missed} pages were rendered without being stored.`);
    }
    this.#outages.delete(server);
  }

  /** If a store is not asked before it is given a page, that page is the first to miss it. */
  @OnPageCache(PageCacheFailed)
  onFailed({ operation, error }: PageCacheFailed): void {
    if (operation !== 'get' && operation !== 'set') return;
    const server = serverIn(error);
    this.#outages.set(server, { ...this.of(server), reason: error instanceof Error ? error.message : String(error) });
    if (operation === 'set') this.missed(server);
  }

  @OnPageCache(PageStored)
  onStored({ address }: PageStored): void {
    this.answered(this.storage.serverOf(address.key));
  }

  private of(server: string): Outage {
    return this.#outages.get(server) ?? NONE;
  }

  private name(server: string): string {
    return `${this.#name} ${server}`.trimEnd();
  }
}

/** Errors of memcached name their server. */
function serverIn(error: unknown): string {
  const { server } = (error ?? {}) as { readonly server?: unknown };
  return typeof server === 'string' ? server : '';
}
