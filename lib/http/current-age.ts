import { httpDate } from './http-date.js';

/** All values of a field of a response, one a line. */
export type FieldReader = (name: string) => readonly string[];

/** The largest number of seconds that a cache must be able to hold (RFC 9111, section 1.2.2). */
export const MAX_SECONDS = 2 ** 31;

/** `Age` is one number; of a list, the first counts (RFC 9111, section 5.1). */
const AGE = /^[\t ]*(\d+)[\t ]*(?:,|$)/;

/**
 * How old a response is when it leaves the application, which may have it from somewhere else: by its `Date` or its `Age`,
 * whichever is more (RFC 9111, section 4.2.3).
 *
 * @param now in milliseconds since the epoch
 * @returns milliseconds
 */
export function currentAge(field: FieldReader, now: number): number {
  const [line = ''] = field('age');
  const seconds = AGE.exec(line)?.[1];
  const apparent = now - (httpDate(field('date')[0], now) ?? now);
  return Math.min(Math.max(0, apparent, Number(seconds ?? 0) * 1000), MAX_SECONDS * 1000);
}
