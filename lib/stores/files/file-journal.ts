import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SITE_DIRECTORIES } from '../../page/page-file.js';
import type { PurgeJournal } from '../page-store.js';
import { FileStoreError, unless } from './file-store.error.js';

/** Every miss reads it, so a new one is begun when it is longer. In bytes. */
const MAX_BYTES = 16_384;
/** Of a UUID. */
const EPOCH_BYTES = 36;

/**
 * The purge journal of all processes as one file, to which each appends. Its first line is its name: in another journal nothing
 * is known of what was in this one.
 */
export class FileJournal implements PurgeJournal {
  readonly #path: string;
  readonly #tmp: string;

  constructor(private readonly site: string) {
    this.#path = join(site, 'journal');
    this.#tmp = join(site, SITE_DIRECTORIES.tmp);
  }

  async position(): Promise<string> {
    const bytes = await this.read();
    return `${epochOf(bytes)} ${bytes.length}`;
  }

  async append(entry: string): Promise<void> {
    try {
      await this.write(entry);
    } catch (error) {
      throw new FileStoreError('write a purge down', this.site, error);
    }
  }

  private async write(entry: string): Promise<void> {
    if ((await this.read()).length > MAX_BYTES) await this.begin((file) => rename(file, this.#path));
    for (;;) {
      const file = await open(this.#path, 'a');
      try {
        // Begins with the end of the line before, which may have been cut off by a full disk.
        await file.write(Buffer.from(`\n${entry}`));
        // Another process may have begun a new one: nobody would read this entry.
        const [written, current] = await Promise.all([file.stat(), stat(this.#path)]);
        if (written.ino === current.ino && written.dev === current.dev) return;
      } finally {
        await file.close();
      }
    }
  }

  async since(position: string): Promise<readonly string[] | undefined> {
    const bytes = await this.read();
    const [epoch, length] = position.split(' ');
    if (epochOf(bytes) !== epoch) return undefined;
    return bytes.subarray(Number(length)).toString().split('\n').filter(Boolean);
  }

  /** It is made where it is missing: from then on nothing is missed. */
  private async read(): Promise<Buffer> {
    for (;;) {
      const bytes = await unless(['ENOENT'], undefined, readFile(this.#path));
      if (bytes !== undefined) return bytes;
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
