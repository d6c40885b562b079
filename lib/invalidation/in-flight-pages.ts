import { Injectable } from '@nestjs/common';
import type { PageAddress } from '../page/page-key.js';

/** A page between the start of its handler and the end of its storing. */
export interface InFlightPage {
  readonly address: PageAddress;
  /** Set by a purge: what was read for the page may be older than the purge. */
  purged: boolean;
}

/** The pages that this process is rendering, so that a purge also reaches what is not stored yet. */
@Injectable()
export class InFlightPages {
  readonly #pages = new Set<InFlightPage>();

  begin(address: PageAddress): InFlightPage {
    const page: InFlightPage = { address, purged: false };
    this.#pages.add(page);
    return page;
  }

  end(page: InFlightPage): void {
    this.#pages.delete(page);
  }

  purge(concerned: (address: PageAddress) => boolean): void {
    for (const page of this.#pages) page.purged ||= concerned(page.address);
  }

  get size(): number {
    return this.#pages.size;
  }
}
