import { headerOf } from '../http/fields.js';
import type { Page } from '../page/page.js';
import { copyLife, type StaleTimes } from '../page/stale-times.js';

/** A copy of a page that outlives it. Times are Unix times in milliseconds. */
export interface StaleCopy {
  readonly page: Page;
  /** When the page was stored. */
  readonly stored: number;
  /** When the time of the page ends, or has ended. */
  readonly ended: number;
  /** Until when the copy may be sent while the page is being rendered again. */
  readonly whileRevalidate: number;
  /** Until when it may be sent instead of an error: as long as the copy is there. */
  readonly ifError: number;
}

/** When the page of a copy was stored and ended, and until when the copy may be sent. */
export type CopyTimes = Omit<StaleCopy, 'page'>;

/**
 * The times of a copy that is stored at a given moment.
 *
 * @param ttl the ttl of its page, in milliseconds
 * @param now Unix time in milliseconds
 */
export function timesOfCopy(ttl: number, stale: StaleTimes, now: number): CopyTimes {
  const ended = now + ttl;
  return { stored: now, ended, whileRevalidate: ended + stale.whileRevalidate, ifError: ended + copyLife(stale) };
}

/** The page of a copy, with the `Date` from which its age counts. */
export function datedPage({ page, stored }: StaleCopy): Page {
  if (headerOf(page, 'date') !== undefined) return page;
  return { ...page, headers: [...page.headers, ['Date', new Date(stored).toUTCString()]] };
}
