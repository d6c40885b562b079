/**
 * Waits for an answer, but not for ever.
 *
 * @param milliseconds none and less than none is one turn of the event loop
 * @returns `undefined` when it comes later than so many milliseconds
 */
export async function inTime<T>(answer: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<undefined>((resolve) => {
    // Timers run before sockets are read: after a busy turn of the event loop, the answer may be there already.
    timer = setTimeout(() => setImmediate(resolve, undefined), Math.max(0, milliseconds));
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
