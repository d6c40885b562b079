import { expect, it } from 'vitest';
import { table } from '../../lib/cli/print-table.js';

it('makes columns as wide as they must be, of hundreds of thousands of rows too', () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => index);
  const columns = [
    { title: 'N', align: 'right', value: (row: number) => String(row) },
    { title: 'WHAT', value: () => 'row' },
  ] as const;
  const lines = table(columns, rows, (_, text) => text).split('\n');
  expect(lines.slice(0, 2)).toEqual(['     N  WHAT', '     0  row']);
  expect(lines.at(-1)).toBe('199999  row');
});
