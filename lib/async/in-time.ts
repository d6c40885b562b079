/**
 * Waits for an answer, but not for ever.
 *
 * @param milliseconds 0 or less means one turn of the event loop
 * @returns `undefined` when the answer takes longer
 */
export function inTime<T>(answer: Promise<T>, milliseconds: number): Promise<T | undefined> {
  // This makes only one promise: every visitor for whom a page is rendered waits here several times.
  return new Promise((resolve, reject) => {
    // Timers run before sockets are read: after a busy turn of the event loop, the answer may be there already.
    const timer = setTimeout(() => setImmediate(resolve, undefined), Math.max(0, milliseconds));
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: Error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
