import { Inject, Injectable, Logger } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageCacheFailed, PageStored } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';

/** One page may meet a store that is only late. */
const IN_A_ROW = 3;

/** Says once that the store is gone, and once that it is back. */
@Injectable()
export class StoreOutages {
  readonly #logger = new Logger('PageCache');
  readonly #name: string;
  #missed = 0;
  /** Why, as far as the store has said. */
  #reason = '';

  constructor(@Inject(PAGE_CACHE_OPTIONS) { store }: CheckedOptions) {
    const places = store.servers?.map(({ address }) => address) ?? (store.files ? [store.files.root] : []);
    this.#name = [`${store.kind}Store()`, ...places].join(' ');
  }

  /** A page could not be looked after, since the store has not answered in time. */
  missed(): void {
    this.#missed += 1;
    if (this.#missed !== IN_A_ROW) return;
    const why = this.#reason === '' ? '' : ` (${this.#reason})`;
    this.#logger.warn(
      `${this.#name} does not answer${why}: pages are rendered for each visitor and not stored (detail=store-down), until it does. Reported once.`,
    );
  }

  answered(): void {
    if (this.#missed >= IN_A_ROW) {
      this.#logger.warn(`${this.#name} answers again. Pages that have passed it by: ${this.#missed}.`);
    }
    this.#missed = 0;
    this.#reason = '';
  }

  /** Where nobody asks a store before it is given a page, that page is the first to miss it. */
  @OnPageCache(PageCacheFailed)
  onFailed({ operation, error }: PageCacheFailed): void {
    if (operation !== 'get' && operation !== 'set') return;
    this.#reason = error instanceof Error ? error.message : String(error);
    if (operation === 'set') this.missed();
  }

  @OnPageCache(PageStored)
  onStored(): void {
    this.answered();
  }
}
