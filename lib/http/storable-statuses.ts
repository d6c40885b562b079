import { STATUS_CODES } from 'node:http';

/**
 * Statuses of responses without content, with a part of it, or for one visitor (RFC 6585: "MUST NOT be stored by a cache"), and of those that say
 * what is wrong with the fields of the request (RFC 9110, sections 15.5.7, 15.5.13 and 15.5.16 to 15.5.18).
 */
const NEVER = new Set([204, 205, 206, 304, 406, 412, 415, 416, 417, 428, 429, 431, 511]);

/** The final statuses of responses that a cache may store, if it is told so (RFC 9111, section 3). */
export const STORABLE_STATUSES: readonly number[] = Object.keys(STATUS_CODES)
  .map(Number)
  .filter((status) => status >= 200 && !NEVER.has(status));

/** Whether a response with this status is stored if it is fresh, whatever the status means. An error of the server is not. */
export function isStorableWhenFresh(status: number): boolean {
  return status < 500 && STORABLE_STATUSES.includes(status);
}
