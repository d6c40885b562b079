import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { asNobody } from '../async/as-nobody.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed } from '../events/outcomes.events.js';
import type { PublicationCause } from './publications.js';
import type { PageAddress } from '../page/page-key.js';
import { PageStorage } from '../stores/page-storage.js';
import type { StaleCopy } from '../stores/stale-copy.js';

/** Renders one page unasked, and stores it. Implemented where pages are published (publishing/page-renewer.ts). */
export abstract class Renewer {
  /**
   * If the page has gone, it is purged with its copy.
   *
   * @returns whether there is a page, as far as that could be found out
   */
  abstract renew(address: PageAddress, cause: PublicationCause): Promise<boolean>;
}

/** Has pages rendered again in the background, by one process for all. With `staleWhileRevalidate`, finds the copy of a page that has ended. */
@Injectable()
export class Renewals {
  readonly #running = new Set<string>();

  constructor(
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Renewer) private readonly renewer: Renewer,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {}

  /** @returns the copy, while the page is being rendered again; `undefined` when there is no copy for that */
  async copyMeanwhile(address: PageAddress, request: IncomingMessage): Promise<StaleCopy | undefined> {
    const copy = await this.storage.copy(address.key, request);
    if (!copy || copy.whileRevalidate <= Date.now()) return undefined;
    // Not in the context of the visitor who happened to come first.
    void asNobody(() => this.renew(address, 'publish'));
    return copy;
  }

  /** Renders a page unless somebody is rendering it already. Visitors of other processes wait for it. Never rejects. */
  async renew(address: PageAddress, cause: PublicationCause): Promise<void> {
    if (this.#running.has(address.key)) return;
    this.#running.add(address.key);
    try {
      await this.underLease(address, cause);
    } catch (error) {
      this.dispatcher.notify(new PageCacheFailed('render', error));
    } finally {
      this.#running.delete(address.key);
    }
  }

  private async underLease(address: PageAddress, cause: PublicationCause): Promise<void> {
    const answer = await this.storage.lease(address.key, undefined);
    // Another process renders it, or has just found out that there is no page.
    if (answer !== undefined && answer.kind !== 'granted') return;
    let isPage = false;
    try {
      isPage = await this.renewer.renew(address, cause);
    } finally {
      answer?.lease.release(isPage);
    }
  }
}
