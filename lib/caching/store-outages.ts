import { Inject, Injectable, Logger } from '@nestjs/common';
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

  constructor(@Inject(PAGE_CACHE_OPTIONS) { store }: CheckedOptions) {
    const places = store.servers?.map(({ address }) => address) ?? (store.files ? [store.files.root] : []);
    this.#name = [`${store.kind}Store()`, ...places].join(' ');
  }

  /** A page could not be looked after, since the store has not answered in time. */
  missed(): void {
    this.#missed += 1;
    if (this.#missed !== IN_A_ROW) return;
    this.#logger.warn(
      `${this.#name} does not answer: pages are rendered for each visitor and not stored (detail=store-down), until it does. Reported once.`,
    );
  }

  answered(): void {
    if (this.#missed >= IN_A_ROW) {
      this.#logger.warn(`${this.#name} answers again. Pages that have passed it by: ${this.#missed}.`);
    }
    this.#missed = 0;
  }
}
