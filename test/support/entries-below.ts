import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Everything below a directory, links included; nothing where there is none. `readdirSync` with `recursive` goes into what links lead to,
 * as of Node 22.
 */
export function entriesBelow(directory: string): Dirent[] {
  return entriesOf(directory).flatMap((entry) =>
    entry.isDirectory() ? [entry, ...entriesBelow(join(directory, entry.name))] : [entry],
  );
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
