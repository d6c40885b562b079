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
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, PATIENCE - (waited.get(request) ?? 0), false);
  });
  try {
    return await Promise.race([purge.then(() => true), late]);
  } finally {
    clearTimeout(timer);
    waited.set(request, (waited.get(request) ?? 0) + performance.now() - start);
  }
}
