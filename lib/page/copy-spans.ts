/**
 * nginx cannot compare dates, but it knows the time, and can cut digits off it. So the time between two moments is divided into spans of 1, 10, 100
 * … seconds. The name of a span is the beginning of every Unix time in it.
 */

/** How many kinds of spans there are: 1 second, 10, 100 and so on. */
export const SPAN_KINDS = 8;

/** Begins the name of a symbolic link from the directory of a version to itself. There is one for each span in which the copy may be sent. */
export const SPAN = 'in-';

/**
 * The spans from now to the end of a copy, as few as possible. The last tenth of its time may be missing.
 *
 * @param now Unix time in milliseconds, like `end`
 * @returns names, at most 19 for each 115 days
 */
export function copySpans(now: number, end: number): string[] {
  const [first, last] = [Math.floor(now / 1000), Math.floor(end / 1000)];
  if (last <= first) return [];
  const kind = Math.min(SPAN_KINDS - 1, Math.floor(Math.log10(last - first)));
  const large = 10 ** kind;
  const small = kind === 0 ? 1 : large / 10;
  const limit = last - (last % small);
  const spans: string[] = [];
  const start = first - (first % large);
  for (let at = start + large <= limit ? start : first - (first % small); at < limit;) {
    const length = at % large === 0 && at + large <= limit ? large : small;
    spans.push(`${SPAN}${at / length}`);
    at += length;
  }
  return spans;
}
