export interface ExtraTime<T> {
  /** By how much it takes longer, in milliseconds. */
  readonly extra: number;
  /** What the last one came to. */
  readonly result: T;
}

/**
 * How much longer something takes than a control. Both run in turns, and of each the shortest time counts, so that a busy machine
 * adds to neither. Something that waits for a deadline waits for it every time.
 *
 * @param bound in milliseconds; no more rounds are needed once it is kept
 */
export async function extraTime<T>(
  bound: number,
  something: () => Promise<T>,
  control: () => Promise<unknown>,
  { rounds = 40, before = async () => {} }: { rounds?: number; before?: () => unknown } = {},
): Promise<ExtraTime<T>> {
  let [least, leastOfControl] = [Infinity, Infinity];
  for (let round = 1; ; round += 1) {
    leastOfControl = Math.min(leastOfControl, await timeOf(control));
    await before();
    const start = performance.now();
    const result = await something();
    least = Math.min(least, performance.now() - start);
    const extra = least - leastOfControl;
    if (extra <= bound || round === rounds) return { extra, result };
  }
}

async function timeOf(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}
