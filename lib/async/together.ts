/**
 * Works on values in their order, on `count` of them at once.
 *
 * @throws an error of the work, once everything that had begun has ended. After an error, nothing further is begun
 */
export async function together<T>(
  values: Iterable<T>,
  count: number,
  work: (value: T, index: number) => Promise<void>,
): Promise<void> {
  const waiting = values[Symbol.iterator]();
  let begun = 0;
  let hasFailed = false;
  const run = async () => {
    for (let next = waiting.next(); !next.done && !hasFailed; next = waiting.next()) {
      const index = begun;
      begun += 1;
      await work(next.value, index);
    }
  };
  const running = Array.from({ length: count }, () =>
    run().catch((error: unknown) => {
      hasFailed = true;
      throw error;
    }),
  );
  for (const one of await Promise.allSettled(running)) if (one.status === 'rejected') throw one.reason;
}
