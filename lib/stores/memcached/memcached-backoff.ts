const FIRST = 25;
const LONGEST = 1000;

/**
 * How long to wait before the next attempt to connect, in milliseconds: doubling from 25 to 1000, of which a random half
 * is taken off so that many processes do not come back at once.
 *
 * @param failures attempts that failed since the server last answered, from 1
 */
export function reconnectDelay(failures: number): number {
  return Math.min(LONGEST, FIRST * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}
