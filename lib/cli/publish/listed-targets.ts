import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CliError } from '../cli.error.js';

/** The standard input. */
const STDIN = 0;

/**
 * The lines of a file, each a path or a URL. Empty lines and lines that begin with `#` are left out.
 *
 * @param file `-` for the standard input
 * @throws {CliError} when it cannot be read
 */
export async function linesOf(file: string, cwd: string): Promise<string[]> {
  try {
    const text = await (file === '-' ? readFile(`/dev/fd/${STDIN}`, 'utf8') : readFile(resolve(cwd, file), 'utf8'));
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(
      `${file} cannot be read (${code})`,
      'Give a file with a path or a URL in each line, or - for the standard input.',
    );
  }
}
