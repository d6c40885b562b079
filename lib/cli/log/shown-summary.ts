import { wrapped } from '../wrapped.js';
import type { Style } from '../terminal.js';
import type { LogSummary } from '../../operations/log/log-summary.js';

const WHOLE = new Intl.NumberFormat('en');

/** The totals, in one line. */
export function shownTotals({ requests, hits, hitRatio, staleCopies, ofDoctor, unreadable }: LogSummary): string {
  const rest = requests - hits.nginx - hits.application - staleCopies;
  return [
    `${WHOLE.format(requests)} GET and HEAD`,
    `${(hitRatio * 100).toFixed(1)} % hits`,
    `nginx ${WHOLE.format(hits.nginx)}`,
    `application ${WHOLE.format(hits.application)}`,
    ...(staleCopies > 0 ? [`copies ${WHOLE.format(staleCopies)}`] : []),
    `rendered ${WHOLE.format(rest)}`,
    ...(ofDoctor > 0 ? [`without ${WHOLE.format(ofDoctor)} of nginx-cache doctor`] : []),
    ...(unreadable > 0 ? [`lines in another format ${WHOLE.format(unreadable)}`] : []),
  ].join(' · ');
}

/** The width of the column of numbers, with the spaces behind it. */
const NUMBERS = 12;

/**
 * The whole summary, for people.
 *
 * @param width of a line, in characters
 * @param isCut whether what does not fit into its line is cut off, and not continued on the next one
 */
export function shownSummary(summary: LogSummary, style: Style, width: number, isCut = false): string {
  const { outcomes, slowest, neverCached } = summary;
  const room = width - NUMBERS;
  const lines = (count: string, text: string) =>
    (isCut ? [text.slice(0, room)] : wrapped(text, room)).map(
      (one, index) => `${(index === 0 ? count : '').padStart(NUMBERS - 2)}  ${one}`,
    );
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', style('bold', title), ...lines];
  return [
    ...(isCut ? [shownTotals(summary).slice(0, width)] : wrapped(shownTotals(summary), width)).map((one) =>
      style('bold', one),
    ),
    ...section(
      'What became of the rest',
      outcomes.flatMap(({ outcome, count, why }) =>
        lines(WHOLE.format(count), [outcome, why].filter(Boolean).join(': ')),
      ),
    ),
    ...section(
      'Slowest misses',
      slowest.flatMap(({ target, waited, outcome }) => lines(`${WHOLE.format(waited)} ms`, `${target} (${outcome})`)),
    ),
    ...section(
      'Most wanted, never cached',
      neverCached.flatMap(({ target, count, outcome, cure }) => [
        ...lines(WHOLE.format(count), `${target} (${outcome})`),
        ...(cure === undefined ? [] : lines('', cure).map((one) => style('dim', one))),
      ]),
    ),
  ].join('\n');
}
