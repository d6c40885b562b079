import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** How often to look at a growing file, in milliseconds. */
const INTERVAL = 250;

const CHUNK = 1 << 20;

/** The lines of a file as it is now. */
export async function* linesOf(file: string | Readable): AsyncGenerator<string> {
  const input = typeof file === 'string' ? createReadStream(file) : file;
  yield* createInterface({ input, crlfDelay: Infinity });
}

/**
 * The lines of a growing file, from its beginning. When the file is replaced, as by logrotate, the lines of its successor follow.
 *
 * @param latest how many bytes at the end of the present file are read, at most
 * @param onTrouble is told why the file cannot be opened or read, each time that this fails; without it, a file that cannot be read is an error
 * @returns groups of lines, and an empty group each time that there is nothing new
 */
export async function* follow(
  file: string,
  signal: AbortSignal,
  latest = Infinity,
  onTrouble?: (error: Error) => void,
): AsyncGenerator<readonly string[]> {
  const buffer = Buffer.alloc(CHUNK);
  let rest = '';
  let isFirst = true;
  while (!signal.aborted) {
    const handle = await open(file).catch((error: Error) => {
      onTrouble?.(error);
      return undefined;
    });
    if (!handle) {
      if (!(await pause(signal))) return;
      continue;
    }
    try {
      const { ino, size } = await handle.stat();
      let position = isFirst ? Math.max(0, size - latest) : 0;
      isFirst = false;
      let isReplaced = false;
      while (!signal.aborted) {
        const { bytesRead } = await handle.read(buffer, 0, CHUNK, position);
        position += bytesRead;
        const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
        rest = lines.pop() ?? '';
        yield lines;
        if (bytesRead > 0) continue;
        if (isReplaced) break;
        const now = await stat(file).catch(() => undefined);
        isReplaced = now !== undefined && (now.ino !== ino || now.size < position);
        // The old file may have got some more lines before it was replaced.
        if (isReplaced) continue;
        if (!(await pause(signal))) return;
      }
      rest = '';
    } catch (error) {
      if (!onTrouble) throw error;
      onTrouble(error as Error);
      if (!(await pause(signal))) return;
    } finally {
      await handle.close();
    }
  }
}

/** @returns whether to go on */
async function pause(signal: AbortSignal): Promise<boolean> {
  await delay(INTERVAL, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}
