import { randomUUID } from 'node:crypto';
import { readFile, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withDirectory } from './make-directory.js';

/** Whether the file system records the first read of a file. All do, except those mounted with `noatime`. */
export async function keepsAccessTimes(directory: string): Promise<boolean> {
  const path = join(directory, randomUUID());
  try {
    await withDirectory(directory, () => writeFile(path, 'read'));
    await utimes(path, 0, Date.now() / 1000);
    await readFile(path);
    return (await stat(path)).atimeMs > 0;
  } finally {
    await unlink(path).catch(() => {});
  }
}
