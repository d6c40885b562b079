import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** How often a file is looked at that grows, in milliseconds. */
const INTERVAL = 250;

const CHUNK = 1 << 20;

/** The lines of a file as it is. */
export async function* linesOf(file: string | Readable): AsyncGenerator<string> {
  const input = typeof file === 'string' ? createReadStream(file) : file;
  yield* createInterface({ input, crlfDelay: Infinity });
}

/**
 * The lines of a file that grows, from its beginning. When it has been replaced, as logrotate does, that of its successor follow.
 *
 * @param latest of the file as it is, only so many bytes at its end
 * @returns groups of lines, and an empty one each time that there is nothing new
 */
export async function* follow(file: string, signal: AbortSignal, latest = Infinity): AsyncGenerator<readonly string[]> {
  const buffer = Buffer.alloc(CHUNK);
  let rest = '';
  let isFirst = true;
  while (!signal.aborted) {
    const handle = await open(file).catch(() => undefined);
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
        // The old one may have got some more before that.
        if (isReplaced) continue;
        if (!(await pause(signal))) return;
      }
      rest = '';
    } finally {
      await handle.close();
    }
  }
}

/** @returns whether it goes on */
async function pause(signal: AbortSignal): Promise<boolean> {
  await delay(INTERVAL, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}
