import { Injectable } from '@nestjs/common';
import type { PageAddress } from '../page/page-key.js';
import { concerns, type PurgeScope, sizeOf } from '../stores/purge-scope.js';

/** A page between the start of its handler and the end of its storing. */
export interface InFlightPage {
  readonly address: PageAddress;
  /** The purges that this process had made when it began. */
  readonly since: number;
}

/** So many paths, tags and rules are told apart; with more, every page that is being rendered is taken for purged. */
const MEMORY = 1000;

/** The pages that this process is rendering, and what it has purged meanwhile. */
@Injectable()
export class InFlightPages {
  readonly #pages = new Set<InFlightPage>();
  #purges: { readonly number: number; readonly scope: PurgeScope }[] = [];
  #count = 0;
  /** Of what the purges name. */
  #size = 0;

  get size(): number {
    return this.#pages.size;
  }

  /** The purges that this process has made. */
  get count(): number {
    return this.#count;
  }

  /** @param since `count` when something may first have been read for the page */
  begin(address: PageAddress, since = this.#count): InFlightPage {
    const page: InFlightPage = { address, since };
    this.#pages.add(page);
    return page;
  }

  end(page: InFlightPage): void {
    this.#pages.delete(page);
  }

  purge(scope: PurgeScope): void {
    this.#count += 1;
    this.#size += sizeOf(scope);
    if (this.#size <= MEMORY) this.#purges.push({ number: this.#count, scope });
    else {
      this.#purges = [{ number: this.#count, scope: { kind: 'all' } }];
      this.#size = 1;
    }
  }

  /** The purges that concern the page: what was read for it may be older. */
  purgesOf({ address, since }: InFlightPage, tags: ReadonlySet<string>): PurgeScope[] {
    return this.#purges
      .filter(({ number, scope }) => number > since && concerns(scope, address, tags))
      .map(({ scope }) => scope);
  }
}
