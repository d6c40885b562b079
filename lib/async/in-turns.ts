import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * The same values, in several turns of the event loop. Values that are there already would otherwise be gone through in one turn, however many they
 * are, and visitors would wait for that long.
 *
 * @param count how many values are gone through in one turn
 */
export async function* inTurns<T>(
  values: Iterable<T> | AsyncIterable<T>,
  count: number,
): AsyncGenerator<T, void, undefined> {
  let given = 0;
  for await (const value of values) {
    yield value;
    given += 1;
    if (given % count === 0) await nextTurn();
  }
}
