import type { Page } from '../page/page.js';
import type { PurgeCheck, PurgeVerdict } from './journal/purge-check.js';
import type { LeaseAnswer } from './render-lease.js';
import { copyLife, type StaleTimes } from '../page/stale-times.js';

/** Why a store does not keep a page. */
export type Refusal =
  | PurgeVerdict
  /** Another rendering has been stored in the meantime. */
  | 'superseded'
  /** The rendering was aborted before. */
  | 'aborted'
  /** The page has vanished, or has been deleted, before it was stored for good. */
  | 'evicted'
  /** The store has not answered at all. */
  | 'store-down'
  /** More pages wait to be written than the store can take. */
  | 'store-busy';

/** All refusals. None of them says anything about the page itself. */
const REFUSALS: Readonly<Record<Refusal, true>> = {
  aborted: true,
  evicted: true,
  'other-configuration': true,
  'other-servers': true,
  'other-version': true,
  'purge-pending': true,
  purged: true,
  'purges-unknown': true,
  refreshed: true,
  'store-busy': true,
  'store-down': true,
  superseded: true,
};

/** Whether a reason comes from the store that does not keep a page, and not from the page itself. */
export function isRefusal(reason: string): reason is Refusal {
  return Object.hasOwn(REFUSALS, reason);
}

export type CommitResult =
  | {
      readonly stored: true;
      /** Whether a visitor had read the page that this one replaces. Absent if not, and if nobody wants to know (`refreshesAhead`). */
      readonly wasRead?: true;
    }
  | { readonly stored: false; readonly reason: Refusal };

/** One rendering of a page: it begins when its request arrives, and ends with `commit()` or `abort()`. */
export interface PageWrite {
  /** Whether there was a page at the address when the rendering began, as far as the store has noticed. */
  readonly replaces: boolean;
  /** Whether the store has still not answered; absent when it answered before the handler was called. */
  readonly isLate?: boolean;
  /** Whether this process may render the page while others wait; absent when it did not ask, or shares the store with no other. */
  readonly lease?: LeaseAnswer | undefined;
  /**
   * Why the page could not be stored now, as far as this is known without asking the store.
   *
   * @param tags the tags that the page has so far
   */
  refusal(tags: ReadonlySet<string>): Refusal | undefined;
  /**
   * Stores the page, unless somebody has purged it since its request came in.
   *
   * @param ttl in milliseconds; 0 = until purged
   * @param stale for how long a copy outlives the page; there is no copy when this is absent, or when the page has no ttl
   * @returns whether the page is really there
   * @throws when the store cannot tell
   */
  commit(page: Page, ttl: number, stale?: StaleTimes): Promise<CommitResult>;
  abort(): void;
}

export const STORED: CommitResult = { stored: true };

/** @param wasRead whether a visitor had read the page that this one replaces */
export function storedInPlace(wasRead: boolean): CommitResult {
  return wasRead ? { stored: true, wasRead } : STORED;
}

export function refused(reason: Refusal): CommitResult {
  return { stored: false, reason };
}

/** The common part of the writes of all stores. */
export abstract class CheckedWrite implements PageWrite {
  #aborted = false;

  constructor(
    protected readonly check: PurgeCheck,
    readonly replaces = false,
  ) {}

  refusal(tags: ReadonlySet<string>): Refusal | undefined {
    return this.#aborted ? 'aborted' : this.check.known(tags);
  }

  async commit(page: Page, ttl: number, stale?: StaleTimes): Promise<CommitResult> {
    const tags = new Set(page.tags);
    const reason = this.refusal(tags);
    if (reason !== undefined) return refused(reason);
    // A page that is served until it is purged has no end that a copy could outlive.
    const hasCopy = ttl > 0 && stale !== undefined && copyLife(stale) > 0;
    return this.store(page, tags, spread(ttl), hasCopy ? whole(stale) : undefined);
  }

  abort(): void {
    this.#aborted = true;
  }

  /**
   * @param ttl in milliseconds; 0 = until purged
   * @param stale for how long a copy outlives the page; the copy of an older rendering must go in any case
   */
  protected abstract store(
    page: Page,
    tags: ReadonlySet<string>,
    ttl: number,
    stale: StaleTimes | undefined,
  ): Promise<CommitResult>;
}

/** In whole milliseconds. */
function whole({ whileRevalidate, ifError }: StaleTimes): StaleTimes {
  return { whileRevalidate: Math.floor(whileRevalidate), ifError: Math.floor(ifError) };
}

/** Takes up to 10 % off, so that pages stored together do not expire together. */
function spread(ttl: number): number {
  return ttl === 0 ? 0 : Math.max(1, Math.ceil(ttl * (1 - Math.random() / 10)));
}
