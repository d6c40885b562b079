import type { Cli } from './cli.js';

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
      await cli.write(before + group.map((item) => JSON.stringify(item)).join(',\n'));
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
