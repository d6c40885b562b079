import { existsSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMainThread } from 'node:worker_threads';
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
  const owner = ownerToBe(path);
  if (owner) makeAs(owner, path);
  else await mkdir(path);
}

/** Makes a directory and those above it. */
export function makeDirectorySync(path: string): void {
  if (existsSync(path)) return;
  makeDirectorySync(dirname(path));
  try {
    const owner = ownerToBe(path);
    if (owner) makeAs(owner, path);
    else mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * What root makes belongs to the owner of the directory above: `nginx-cache` may run as root, and the application must be able to delete pages
 * afterwards.
 *
 * @returns `undefined` when that is the user of this process. Workers cannot change their user
 */
function ownerToBe(path: string): Stats | undefined {
  if (!isMainThread || process.geteuid?.() !== 0) return undefined;
  const owner = statSync(dirname(path));
  return owner.uid === 0 ? undefined : owner;
}

/** Root becomes another user for the moment: whatever that user has put in the way, root makes nothing that the user could not make. */
function makeAs({ uid, gid }: Stats, path: string): void {
  const group = process.getegid!();
  process.setegid!(gid);
  process.seteuid!(uid);
  try {
    mkdirSync(path);
  } finally {
    process.seteuid!(0);
    process.setegid!(group);
  }
}
