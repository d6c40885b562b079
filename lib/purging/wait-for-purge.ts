import { waitFor } from '../async/patience.js';
import { isUnsafe } from '../http/unsafe-methods.js';

/** Whoever has changed a page asks for it next, and must see the change. In milliseconds. */
const PATIENCE_AFTER_A_CHANGE = 1000;

/**
 * Waits for a purge on behalf of a request, but not for ever. The purge goes on.
 *
 * @param request a request with an unsafe method waits longer
 * @returns `undefined` when the request has waited long enough
 */
export function waitForPurge<T>(
  purge: Promise<T>,
  request: { readonly method?: string | undefined },
): Promise<T | undefined> {
  return isUnsafe(request.method) ? waitFor(purge, request, PATIENCE_AFTER_A_CHANGE) : waitFor(purge, request);
}
