import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { REASONS, reasonOf } from '../../lib/reasons/reasons.js';

const text = readFileSync('docs/what-is-cached.md', 'utf8');

/** The words of the tables whose head has a column `word`. */
function documented(): string[] {
  const tables = text.split(/\n\n/).filter((block) => /^\|.*\| word +\|/.test(block));
  expect(tables.length).toBeGreaterThanOrEqual(3);
  return tables.flatMap((table) => {
    const [head = '', , ...rows] = table.split('\n');
    const column = cells(head).indexOf('word');
    return rows.flatMap((row) => wordsIn(cells(row)[column]!, cells(row)[0]!));
  });
}

function cells(row: string): string[] {
  // A `|` in a cell is escaped.
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** `that word` stands for the words of the condition, `the reason` for what a listener says. */
function wordsIn(cell: string, condition: string): string[] {
  if (cell === 'the reason') return [];
  const from = cell === 'that word' ? condition.split(' in ')[0]! : cell;
  return [...from.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
}

it('every reason that the documentation names has a cure', () => {
  expect(documented().filter((word) => reasonOf(word) === undefined)).toEqual([]);
});

it('the documentation names every reason', () => {
  const words = documented();
  const has = (reason: string) =>
    words.some((word) => (reason.endsWith('-') ? word.startsWith(reason) : word === reason));
  expect(Object.keys(REASONS).filter((reason) => !has(reason))).toEqual([]);
});

it('a cure begins with what to do', () => {
  for (const { why, cure } of Object.values(REASONS)) {
    expect(why).toMatch(/^\S.*[^.]$/);
    expect(cure).toMatch(/^[a-z].*[^.]$/);
  }
});
