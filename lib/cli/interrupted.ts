/** Ctrl-C has ended the work. */
export class InterruptedError extends Error {}

/**
 * The result of the work.
 *
 * @throws {InterruptedError} when the signal comes first
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const settled = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    const end = () => reject(new InterruptedError());
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { signal: settled.signal });
  });
  return Promise.race([work, interrupted]).finally(() => settled.abort());
}
