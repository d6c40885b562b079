/**
 * The values of a source until a signal comes. A source that keeps its caller waiting at that moment is told to end, but nobody waits for it any
 * longer.
 */
export async function* untilAborted<T>(
  values: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const source = values[Symbol.asyncIterator]();
  let isAtEnd = false;
  try {
    for (;;) {
      const next = signal.aborted ? undefined : await nextUntil(source, signal);
      if (!next) return;
      isAtEnd = next.done === true;
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    isAtEnd = true;
    throw error;
  } finally {
    const ending = isAtEnd ? undefined : source.return?.();
    if (signal.aborted) ending?.catch(() => undefined);
    else await ending;
  }
}

/** @returns `undefined` when the signal comes first */
function nextUntil<T>(source: AsyncIterator<T>, signal: AbortSignal): Promise<IteratorResult<T> | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
    Promise.resolve(source.next())
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}
