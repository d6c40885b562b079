import type { Page } from '../page/page.js';
import type { PurgeCheck } from './journal/purge-check.js';
import { CheckedWrite, type CommitResult, refused, STORED } from './page-write.js';

/** Why a store without conditional writes keeps no copies: a copy may be stored only after the same check as its page. */
export const NO_COPIES = 'keeps no copies of pages: leave staleWhileRevalidate and staleIfError out';

/** What a store without conditional writes can do with one page. */
export interface Place {
  /** @param ttl in milliseconds; 0 = until purged */
  put(page: Page, ttl: number): Promise<void>;
  remove(): Promise<unknown>;
}

/**
 * A write to a store without conditional writes: it stores the page, asks the journal again, and removes the page if it was purged in the meantime.
 */
export class UnconditionalWrite extends CheckedWrite {
  constructor(
    check: PurgeCheck,
    private readonly place: Place,
  ) {
    super(check);
  }

  protected async store(page: Page, tags: ReadonlySet<string>, ttl: number): Promise<CommitResult> {
    await this.place.put(page, ttl);
    const reason = await this.check.ask(tags);
    if (reason === undefined) return STORED;
    await this.place.remove();
    return refused(reason);
  }
}
