import type { PublishManyReport } from '../../publishing/publish-report.js';
import { type Column, table } from '../print-table.js';
import type { Style } from '../terminal.js';
import { counted, inTimeUnits } from '../units.js';

interface Outcome {
  readonly result: string;
  readonly why: string;
  readonly paths: readonly string[];
}

const COLUMNS: readonly Column<Outcome>[] = [
  { title: 'RESULT', value: ({ result }) => result },
  { title: 'WHY', value: ({ why }) => why },
  { title: 'PAGES', align: 'right', value: ({ paths }) => String(paths.length) },
  { title: 'FIRST', value: ({ paths }) => paths[0] ?? '' },
];

/** What a publication has done, by result and reason. */
export function publishSummary(report: PublishManyReport, style: Style): string {
  const { published, kept, purged, skipped, failed, duration } = report;
  const outcomes: Outcome[] = [
    { result: 'published', why: '', paths: published },
    { result: 'kept', why: 'stored already', paths: kept },
    { result: 'purged', why: 'no page any more', paths: purged },
    ...grouped('skipped', skipped, ({ reason }) => reason),
    ...grouped('failed', failed, ({ status, reason }) =>
      status === undefined && reason === undefined ? 'no answer' : [status, reason].filter(Boolean).join(' '),
    ),
  ].filter(({ paths }) => paths.length > 0);
  const all = outcomes.reduce((sum, { paths }) => sum + paths.length, 0);
  const rate = (all / Math.max(duration / 1000, 0.001)).toFixed(0);
  return [
    ...(outcomes.length > 0 ? [table(COLUMNS, outcomes, style), ''] : []),
    `${counted(all, 'page')} in ${inTimeUnits(duration)}, ${rate} pages/s`,
  ].join('\n');
}

function grouped<T extends { readonly path: string }>(
  result: string,
  pages: readonly T[],
  whyOf: (page: T) => string,
): Outcome[] {
  const groups = new Map<string, string[]>();
  for (const page of pages) groups.set(whyOf(page), [...(groups.get(whyOf(page)) ?? []), page.path]);
  return Array.from(groups, ([why, paths]) => ({ result, why, paths })).toSorted(
    (one, other) => other.paths.length - one.paths.length,
  );
}
