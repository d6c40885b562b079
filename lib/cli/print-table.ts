import type { Style } from './terminal.js';
import { visible } from './visible.js';

/** A column of a table. */
export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  /** Numbers are aligned to the right. */
  readonly align?: 'left' | 'right';
}

/**
 * Rows under titles, in columns as wide as necessary.
 *
 * @param style the style of the titles
 */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], style: Style): string {
  return new GrowingTable(columns, style).add(rows).join('\n');
}

/** A table whose rows come in groups. A column gets wider when a group needs it, but never narrower. */
export class GrowingTable<T> {
  readonly #widths: number[];
  #hasTitles = false;

  /** @param style the style of the titles */
  constructor(
    private readonly columns: readonly Column<T>[],
    private readonly style: Style,
  ) {
    this.#widths = columns.map(({ title }) => title.length);
  }

  /** The lines of the next rows. The first time, they include the titles. */
  add(rows: readonly T[]): string[] {
    const cells = rows.map((row) => this.columns.map(({ value }) => visible(value(row))));
    for (const row of cells) {
      for (const [at, text] of row.entries()) this.#widths[at] = Math.max(this.#widths[at] ?? 0, text.length);
    }
    const lines = cells.map((row) => this.#line(row));
    if (this.#hasTitles) return lines;
    this.#hasTitles = true;
    return [this.style('bold', this.#line(this.columns.map(({ title }) => title))), ...lines];
  }

  #line(texts: readonly string[]): string {
    return texts
      .map((text, at) => padded(text, this.#widths[at] ?? 0, this.columns[at]?.align))
      .join('  ')
      .trimEnd();
  }
}

function padded(text: string, to: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(to - text.length);
  return align === 'left' ? text + space : space + text;
}
