import { lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GONE, unless } from './file-store.error.js';

/** So often a directory may vanish between its making and its use, because others purge or tidy there. */
const ATTEMPTS = 20;

/**
 * Renames or links something to where its directory may not be yet, or not any more.
 *
 * @returns `false` when there is nothing to put there
 */
export async function put(
  operation: (from: string, to: string) => Promise<void>,
  from: string,
  to: string,
): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await operation(from, to);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt >= ATTEMPTS) throw error;
      if (!(await unless(GONE, undefined, lstat(from)))) return false;
      // Others may remove it while it is being made.
      await unless(GONE, undefined, mkdir(dirname(to), { recursive: true }));
    }
  }
}
