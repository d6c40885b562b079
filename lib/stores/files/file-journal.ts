import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SITE_DIRECTORIES } from '../../page/page-file.js';
import { JOURNAL_MAX_BYTES, journalEntry } from '../journal-entry.js';
import type { ArrivalPosition, PurgeJournal } from '../page-store.js';
import { FileStoreError, unless } from './file-store.error.js';

/** Of a UUID. */
const EPOCH_BYTES = 36;

interface Line {
  /** Unix time in milliseconds, by the clock of who wrote it; `Infinity` when it is not known. */
  readonly time: number;
  readonly entry: string;
}

/**
 * The purge journal of all processes as one file, to which each appends. Its first line is its name, the epoch: in another journal
 * nothing is known of what was in this one. The others are `[time, entry]` as JSON, which shows when one is cut off.
 */
export class FileJournal implements PurgeJournal {
  readonly #path: string;
  readonly #tmp: string;
  #known: string | undefined;

  constructor(private readonly site: string) {
    this.#path = join(site, 'journal');
    this.#tmp = join(site, SITE_DIRECTORIES.tmp);
  }

  async position(): Promise<string> {
    return positionOf(await this.read());
  }

  get known(): string | undefined {
    return this.#known;
  }

  async arrived(known: string | undefined, time: number): Promise<ArrivalPosition> {
    const bytes = await this.read();
    const unseen = linesSince(bytes, known ?? '');
    return {
      position: positionOf(bytes),
      before: unseen?.filter((line) => line.time >= time).map(({ entry }) => entry),
    };
  }

  async append(entry: string): Promise<void> {
    try {
      await this.write(journalEntry(entry));
      // What comes in from now on is younger than this entry.
      await this.read();
    } catch (error) {
      throw new FileStoreError('write a purge down', this.site, error);
    }
  }

  private async write(entry: string): Promise<void> {
    if ((await this.read()).length > JOURNAL_MAX_BYTES) await this.begin((file) => rename(file, this.#path));
    for (;;) {
      const file = await open(this.#path, 'a');
      try {
        // Begins with the end of the line before, which may have been cut off.
        const line = Buffer.from(`\n${JSON.stringify([Date.now(), entry])}`);
        const { bytesWritten } = await file.write(line);
        if (bytesWritten < line.length) throw cutOff(bytesWritten, line.length);
        // Another process may have begun a new one: nobody would read this entry.
        const [written, current] = await Promise.all([file.stat(), stat(this.#path)]);
        if (written.ino === current.ino && written.dev === current.dev) return;
      } finally {
        await file.close();
      }
    }
  }

  async since(position: string): Promise<readonly string[] | undefined> {
    return linesSince(await this.read(), position)?.map(({ entry }) => entry);
  }

  /** It is made where it is missing: from then on nothing is missed. */
  private async read(): Promise<Buffer> {
    for (;;) {
      const bytes = await unless(['ENOENT'], undefined, readFile(this.#path));
      if (bytes !== undefined) {
        this.#known = positionOf(bytes);
        return bytes;
      }
      await this.begin((file) => unless(['EEXIST'], undefined, link(file, this.#path)));
    }
  }

  private async begin(place: (file: string) => Promise<void>): Promise<void> {
    const epoch = randomUUID();
    const file = join(this.#tmp, epoch);
    await mkdir(this.#tmp, { recursive: true });
    await writeFile(file, epoch);
    await place(file);
    await unless(['ENOENT'], undefined, unlink(file));
  }
}

function epochOf(bytes: Buffer): string {
  return bytes.subarray(0, EPOCH_BYTES).toString();
}

function positionOf(bytes: Buffer): string {
  return `${epochOf(bytes)} ${bytes.length}`;
}

/** @returns `undefined` when the position is of another journal */
function linesSince(bytes: Buffer, position: string): Line[] | undefined {
  const [epoch, length] = position.split(' ');
  if (epochOf(bytes) !== epoch || Number(length) > bytes.length) return undefined;
  return bytes.subarray(Number(length)).toString().split('\n').filter(Boolean).map(decode);
}

/** What is no entry, or the end of one, is told as it is: that concerns everything. */
function decode(line: string): Line {
  try {
    const [time, entry] = JSON.parse(line) as [unknown, unknown];
    if (typeof time === 'number' && typeof entry === 'string') return { time, entry };
  } catch {
    // Cut off.
  }
  return { time: Infinity, entry: line };
}

/** What a write tells only to who asks how much was written; the next one would fail. */
function cutOff(written: number, length: number): NodeJS.ErrnoException {
  return Object.assign(new Error(`only ${written} of ${length} bytes were written`), { code: 'ENOSPC' });
}
