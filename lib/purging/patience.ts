import { inTime } from '../async/in-time.js';

/** A visitor waits no longer for purges, in milliseconds, however many a request makes. */
const PATIENCE = 45;

/** How long was waited on behalf of a request. */
const waited = new WeakMap<object, number>();

/**
 * Waits for a purge, but not for ever; it goes on.
 *
 * @param request on whose behalf
 * @returns whether it has ended
 */
export async function waitFor(purge: Promise<unknown>, request: object): Promise<boolean> {
  const start = performance.now();
  const before = waited.get(request) ?? 0;
  try {
    return (
      (await inTime(
        purge.then(() => true),
        PATIENCE - before,
      )) ?? false
    );
  } finally {
    waited.set(request, (waited.get(request) ?? 0) + performance.now() - start);
  }
}
