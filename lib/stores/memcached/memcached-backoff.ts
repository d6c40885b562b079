const SHORTEST = 25;
const LONGEST = 1000;

/**
 * How long to wait before the next attempt to connect, in milliseconds: not at all at first, since one late answer is no
 * dead server; then doubling from 25 to 1000, of which a random half is taken off so that many processes do not come
 * back at once.
 *
 * @param failures in a row since the server last answered, from 1
 */
export function reconnectDelay(failures: number): number {
  if (failures === 1) return 0;
  return Math.min(LONGEST, SHORTEST * 2 ** (failures - 2)) * (0.5 + Math.random() / 2);
}
