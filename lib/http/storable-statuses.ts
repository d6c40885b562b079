import { STATUS_CODES } from 'node:http';

/** Statuses of responses without content, with a part of it, or for one visitor (RFC 6585: "MUST NOT be stored by a cache"). */
const NEVER = new Set([204, 205, 206, 304, 428, 429, 431, 511]);

/** The final statuses of responses that a cache may store, if it is told so (RFC 9111, section 3). */
export const STORABLE_STATUSES: readonly number[] = Object.keys(STATUS_CODES)
  .map(Number)
  .filter((status) => status >= 200 && !NEVER.has(status));

/** Whether a response with this status is stored if it is fresh, whatever the status means. An error of the server is not. */
export function isStorableWhenFresh(status: number): boolean {
  return status < 500 && STORABLE_STATUSES.includes(status);
}
