import type { StaleCopy } from '../stores/stale-copy.js';

/** The `Cache-Status` field (RFC 9211) in the words of this cache. */
const CACHE = 'nestjs-nginx-cache';

export const CACHE_STATUS = 'Cache-Status';
export const HIT = `${CACHE}; hit`;
/** A miss of another request, stored: RFC 9211, section 2.7. */
export const COLLAPSED = `${CACHE}; fwd=miss; collapsed`;
export const MISS_STORED = `${CACHE}; fwd=miss; stored`;
/** The handler was called before the store had answered. The store gets the page when it does. */
export const MISS_STORED_LATE = `${MISS_STORED}; detail=store-late`;
/** Anything that no handler answered: static files, 404, guards. */
export const NOT_A_PAGE = `${CACHE}; fwd=bypass; detail=no-handler`;

/** A copy of a page that has ended, sent while the page is being rendered again: RFC 9211, sections 2.1 and 2.4. */
export function staleHit({ ended }: StaleCopy): string {
  return `${HIT}; ttl=${secondsLeft(ended)}; detail=stale-while-revalidate`;
}

/** Such a copy in place of an error: RFC 9211, sections 2.2 and 2.3. */
export function staleInstead({ ended }: StaleCopy, failed: number): string {
  return `${CACHE}; fwd=stale; fwd-status=${failed}; ttl=${secondsLeft(ended)}; detail=stale-if-error`;
}

function secondsLeft(ended: number): number {
  return Math.floor((ended - Date.now()) / 1000);
}

const bypasses = new Map<string, string>();

/** nginx refuses a response whose header does not fit into one memory page. */
const REASON_MAX_LENGTH = 100;

export function bypass(reason: string): string {
  let status = bypasses.get(reason);
  if (status === undefined) {
    status = `${CACHE}; fwd=bypass; detail=${detail(reason)}`;
    // Reasons are few; a listener that puts values into them must not fill the memory.
    if (bypasses.size < 100) bypasses.set(reason, status);
  }
  return status;
}

export function missNotStored(reason: string): string {
  return `${CACHE}; fwd=miss; detail=${detail(reason)}`;
}

/** A token, or else a quoted string (RFC 8941, sections 3.3.3 and 3.3.4). */
function detail(given: unknown): string {
  const reason = String(given).slice(0, REASON_MAX_LENGTH);
  if (/^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/.test(reason)) return reason;
  return `"${reason.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
