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
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw error;
    await makeDirectory(dirname(path));
    await unless(['EEXIST', 'ENOENT'], undefined, mkdir(path));
  }
}
