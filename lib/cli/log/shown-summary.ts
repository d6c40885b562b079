import type { Style } from '../terminal.js';
import type { LogSummary } from '../../operations/log/log-summary.js';

const WHOLE = new Intl.NumberFormat('en');

/** The totals, in one line. */
export function shownTotals({ requests, hits, hitRatio, staleCopies, unreadable }: LogSummary): string {
  const rest = requests - hits.nginx - hits.application - staleCopies;
  return [
    `${WHOLE.format(requests)} GET and HEAD`,
    `${(hitRatio * 100).toFixed(1)} % hits`,
    `nginx ${WHOLE.format(hits.nginx)}`,
    `application ${WHOLE.format(hits.application)}`,
    ...(staleCopies > 0 ? [`copies ${WHOLE.format(staleCopies)}`] : []),
    `rendered ${WHOLE.format(rest)}`,
    ...(unreadable > 0 ? [`lines in another format ${WHOLE.format(unreadable)}`] : []),
  ].join(' · ');
}

/** The whole summary, for people. */
export function shownSummary(summary: LogSummary, style: Style, width: number): string {
  const { outcomes, slowest, neverCached } = summary;
  const line = (count: string, text: string) => `${count.padStart(10)}  ${text}`.slice(0, width);
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', style('bold', title), ...lines];
  return [
    style('bold', shownTotals(summary).slice(0, width)),
    ...section(
      'What became of the rest',
      outcomes.map(({ outcome, count, why }) => line(WHOLE.format(count), [outcome, why].filter(Boolean).join(': '))),
    ),
    ...section(
      'Slowest misses',
      slowest.map(({ target, waited, outcome }) => line(`${WHOLE.format(waited)} ms`, `${target} (${outcome})`)),
    ),
    ...section(
      'Most wanted, never cached',
      neverCached.flatMap(({ target, count, outcome, cure }) => [
        line(WHOLE.format(count), `${target} (${outcome})`),
        ...(cure === undefined ? [] : [style('dim', line('', cure))]),
      ]),
    ),
  ].join('\n');
}
