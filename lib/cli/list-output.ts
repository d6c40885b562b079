import { chunks } from '../async/chunks.js';
import type { PageInfo } from '../module/page-cache.service.js';
import type { Cli } from './cli.js';
import { visibleJson } from './visible.js';

/** How many pages are written together. A list of fewer pages is sorted. */
export const GROUP = 1000;

/** Writes a list of any length, group by group. */
export interface ListOutput<T> {
  /** Resolves when the terminal or the pipe has taken what was written, so that no more than one group waits in memory. */
  write(group: readonly T[]): Promise<void>;
  end(): Promise<void>;
}

/** One JSON array, with an item on each line: other programs read it as a whole, or line by line. */
export function jsonOutput<T>(cli: Cli): ListOutput<T> {
  let before = '[\n';
  return {
    write: async (group) => {
      if (group.length === 0) return;
      await cli.write(before + group.map((item) => visibleJson(item)).join(',\n'));
      before = ',\n';
    },
    end: () => cli.write(before === '[\n' ? '[]\n' : '\n]\n'),
  };
}

/** @param lines returns the lines for a group */
export function textOutput<T>(cli: Cli, lines: (group: readonly T[]) => readonly string[]): ListOutput<T> {
  return {
    write: async (group) => {
      if (group.length > 0) await cli.write(`${lines(group).join('\n')}\n`);
    },
    end: async () => {},
  };
}

/** How many pages were written, and how large they are together, in bytes. */
export interface ListTotal {
  readonly pages: number;
  readonly size: number;
}

/** Writes pages as they come, so that the first of a hundred thousand appear at once. */
export async function writePages(pages: AsyncIterable<PageInfo>, output: ListOutput<PageInfo>): Promise<ListTotal> {
  const total = { pages: 0, size: 0 };
  try {
    for await (const group of chunks(pages, GROUP)) {
      // People read a list that fits into one group; the store lists in no order.
      if (total.pages === 0 && group.length < GROUP) group.sort((one, other) => (one.target < other.target ? -1 : 1));
      await output.write(group);
      total.pages += group.length;
      total.size += group.reduce((sum, { size = 0 }) => sum + size, 0);
    }
  } catch (error) {
    // The pages of the other servers can be read, even if the rest is missing.
    if (total.pages > 0) await output.end();
    throw error;
  }
  await output.end();
  return total;
}
