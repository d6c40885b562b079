import type { StaleTimes } from '../page/stale-times.js';
import type { Page } from '../page/page.js';
import type { PurgeCheck } from './journal/purge-check.js';
import { type CommitResult, type PageWrite, refused, type Refusal } from './page-write.js';

/**
 * A rendering whose handler runs although the store has not answered yet. It can still be stored: every purge counts that this process did not know
 * when the request came in (docs/invalidation.md).
 */
export class LateWrite implements PageWrite {
  readonly replaces = false;
  #isLate = true;

  /**
   * @param begun the write that the store returns when it answers
   * @param check is asked until then
   */
  constructor(
    readonly begun: Promise<PageWrite>,
    private readonly check: PurgeCheck,
  ) {
    const answered = () => {
      this.#isLate = false;
    };
    begun.then(answered, answered);
  }

  /** Whether the store has still not answered. */
  get isLate(): boolean {
    return this.#isLate;
  }

  refusal(tags: ReadonlySet<string>): Refusal | undefined {
    return this.check.known(tags);
  }

  async commit(page: Page, ttl: number, stale?: StaleTimes): Promise<CommitResult> {
    const write = await this.begun.catch(() => undefined);
    return write ? write.commit(page, ttl, stale) : refused('store-down');
  }

  abort(): void {
    this.begun.then(
      (write) => write.abort(),
      () => {},
    );
  }
}
