import { stripVTControlCharacters } from 'node:util';
import type { Style } from './terminal.js';

/** A column of a table. */
export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  /** Numbers stand at the right. */
  readonly align?: 'left' | 'right';
}

/**
 * Rows under titles, in columns as wide as they must be.
 *
 * @param style for the titles
 */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], style: Style): string {
  const cells = rows.map((row) => columns.map(({ value }) => value(row)));
  // Not by Math.max(...): no function takes hundreds of thousands of arguments.
  const widths = columns.map(({ title }, at) =>
    cells.reduce((widest, row) => Math.max(widest, width(row[at] ?? '')), width(title)),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, at) => padded(text, widths[at] ?? 0, columns[at]?.align))
      .join('  ')
      .trimEnd();
  const titles = line(columns.map(({ title }) => title));
  return [style('bold', titles), ...cells.map(line)].join('\n');
}

function padded(text: string, to: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(to - width(text));
  return align === 'left' ? text + space : space + text;
}

function width(text: string): number {
  return stripVTControlCharacters(text).length;
}
