/**
 * For how many milliseconds a page may still be sent after it has expired.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5861
 *
 * @publicApi
 */
export interface StaleTimes {
  /** While it is being rendered again (`stale-while-revalidate`). */
  readonly whileRevalidate: number;
  /** Instead of an error (`stale-if-error`). */
  readonly ifError: number;
}

/**
 * How long a copy outlives its page, in milliseconds. A copy that may be sent while the page is being rendered again may also be sent when that
 * fails (RFC 5861, section 3.1).
 */
export function copyLife({ whileRevalidate, ifError }: StaleTimes): number {
  return Math.max(whileRevalidate, ifError);
}
