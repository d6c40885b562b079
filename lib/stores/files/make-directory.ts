import { chownSync, mkdirSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unless } from './file-store.error.js';

/** How many times to try when a directory vanishes between its creation and its use: other processes remove empty directories. */
const ATTEMPTS = 20;

/** Runs work that needs a directory, and makes the directory if it does not exist. */
export async function withDirectory<T>(directory: string, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === ATTEMPTS) throw error;
      await makeDirectory(directory);
    }
  }
}

/** Makes a directory and those above it. With `recursive`, `mkdir` would report ENOENT when there is no space. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw error;
    await makeDirectory(dirname(path));
    await unless(['EEXIST', 'ENOENT'], undefined, makeOne(path));
  }
}

/** Makes one directory, in one that exists. */
export async function makeOne(path: string): Promise<void> {
  await mkdir(path);
  giveAway(path);
}

/** Makes a directory and those above it. */
export function makeDirectorySync(path: string): void {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  const made = [path];
  while (made[0]!.length > first.length) made.unshift(dirname(made[0]!));
  for (const one of made) giveAway(one);
}

/**
 * What root makes belongs to the owner of the directory above: `nginx-cache` may run as root, and the application must be able to delete pages
 * afterwards.
 */
function giveAway(path: string): void {
  if (process.getuid?.() !== 0) return;
  try {
    const { uid, gid } = statSync(dirname(path));
    if (uid !== 0) chownSync(path, uid, gid);
  } catch {
    // Another process has removed it, or the root of a container has not this right.
  }
}
