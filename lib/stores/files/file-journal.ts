import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { open, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Claim, decodeClaim, type Edition, EditionWatch, encodeClaim, isLater } from '../journal/edition.js';
import { type JournalEntry, JournalWindow } from '../journal/journal-window.js';
import type { PurgeJournal } from '../journal/purge-journal.js';
import { type PurgeScope, readScope, writeScope } from '../journal/purge-scope.js';
import { ClaimFile } from './claim-file.js';
import { FileStoreError, unless } from './file-store.error.js';
import { withDirectory } from './make-directory.js';

/** A purge that takes more is written down in parts, in characters. */
const ENTRY_MAX = 4096;
/** About 40,000 purges, in bytes. Then a new one is begun. */
const JOURNAL_MAX = 4 * 1024 * 1024;
const LINE = /^(\d{13}) (\{.*\})$/;
const CLAIM_LINE = /^claim (\S+)$/;

/** What tells a file from all others, as long as it is open. */
interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

interface OpenJournal extends Identity {
  readonly descriptor: number;
}

/**
 * The purges of all processes, in one file to which each appends. A line is `<Unix time in milliseconds> <scope>`.
 *
 * An entry counts when the file that it was written to is still the one with the name. Whoever takes the name away makes every process
 * forget what it has seen: nobody can store what was begun before. That needs no space, so a purge succeeds on a full disk as well.
 */
export class FileJournal implements PurgeJournal {
  readonly window = new JournalWindow();
  readonly editions: EditionWatch;
  held = false;
  readonly #claims: ClaimFile;
  #open: OpenJournal | undefined;
  /** How far it has been read. */
  #offset = 0;
  /** The beginning of a line. Its end may be missing because it is being written, or because the disk is full. */
  #begun = Buffer.alloc(0);
  #closed = false;

  /**
   * @param path of the file; the claim is in another one beside it
   * @param own the edition that this process stores pages of
   */
  constructor(
    private readonly path: string,
    own?: Edition,
  ) {
    this.editions = new EditionWatch(own);
    this.#claims = new ClaimFile(`${path}-claim`);
  }

  async append(scope: PurgeScope): Promise<void> {
    const time = Date.now();
    // The first newline ends what somebody else could not write to its end.
    const lines = writeScope(scope, ENTRY_MAX).map((entry) => `\n${time} ${entry}\n`);
    await this.note(lines.join(''));
    // What comes in from now on is younger than this entry.
    await this.look().catch(() => {});
  }

  async catchUp(): Promise<void> {
    this.read();
  }

  /**
   * The file is for whoever comes later. Those who are there see the line in the journal before they put a page where nginx looks.
   */
  async claim(change: (claim: Claim | undefined) => Claim | undefined): Promise<void> {
    this.read();
    const written = this.#claims.read();
    this.editions.saw(written);
    const known = this.editions.claim;
    // Who has begun by what is written may have stored pages of its own edition.
    const isBehind = known && isLater(known, written);
    const before = isBehind ? { ...known, isSwept: false, keepsOwn: false } : known;
    const claim = change(before) ?? (isBehind ? before : undefined);
    if (!claim) return;
    await this.#claims.write(claim);
    if (isBehind || isLater(claim, known)) await this.note(`\nclaim ${encodeClaim(claim)}\n`);
    this.read();
    this.editions.saw(claim);
    // Somebody has claimed at the same time. Both have read both lines.
    const latest = this.editions.claim;
    if (latest && isLater(latest, claim)) await this.#claims.write(latest);
  }

  /** Both are one look at the size of an open file, which costs less than to share it. */
  async look(): Promise<void> {
    this.read();
  }

  close(): void {
    this.#closed = true;
    if (this.#open) closeSync(this.#open.descriptor);
    this.#open = undefined;
  }

  private async note(lines: string): Promise<void> {
    try {
      await this.write(Buffer.from(lines));
    } catch (error) {
      await unless(['ENOENT'], undefined, unlink(this.path)).catch(() => {
        throw new FileStoreError('write a purge down', dirname(this.path), error);
      });
    }
  }

  private async write(lines: Buffer): Promise<void> {
    for (;;) {
      const file = await withDirectory(dirname(this.path), () => open(this.path, 'a', 0o644));
      try {
        if ((await file.stat()).size > JOURNAL_MAX) {
          await unless(['ENOENT'], undefined, unlink(this.path));
          continue;
        }
        const { bytesWritten } = await file.write(lines);
        if (bytesWritten < lines.length) throw new Error(`only ${bytesWritten} of ${lines.length} bytes were written`);
        const [written, current] = await Promise.all([
          file.stat({ bigint: true }),
          unless(['ENOENT'], undefined, stat(this.path, { bigint: true })),
        ]);
        if (current && isSame(written, current)) return;
      } finally {
        await file.close();
      }
    }
  }

  /**
   * Not asynchronous: this is a look at what the kernel has in memory, while the threads that asynchronous calls need may all be waiting
   * for the disk (libuv has four).
   */
  private read(): void {
    if (this.#closed) throw new Error('The store is closed.');
    for (;;) {
      const current = statSync(this.path, { bigint: true, throwIfNoEntry: false });
      if (current && this.#open && isSame(current, this.#open)) return this.readTo(this.#open, Number(current.size));
      this.begin();
    }
  }

  private begin(): void {
    this.window.forget();
    if (this.#open) closeSync(this.#open.descriptor);
    this.#open = undefined;
    const flags = constants.O_RDONLY | constants.O_CREAT;
    let descriptor: number;
    try {
      descriptor = openSync(this.path, flags, 0o644);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      mkdirSync(dirname(this.path), { recursive: true });
      descriptor = openSync(this.path, flags, 0o644);
    }
    const { dev, ino, size } = fstatSync(descriptor, { bigint: true });
    this.#open = { descriptor, dev, ino };
    this.#offset = Number(size);
    this.#begun = Buffer.alloc(0);
    // After the journal was opened: a claim is either in this file or in a line that is still to come.
    this.editions.saw(this.#claims.read());
  }

  private readTo({ descriptor }: OpenJournal, size: number): void {
    if (size === this.#offset) return;
    const added = Buffer.alloc(Math.max(0, size - this.#offset));
    const read = size < this.#offset ? -1 : readSync(descriptor, added, 0, added.length, this.#offset);
    this.#offset += read;
    // Somebody has cut it off.
    if (read < added.length || read < 0) {
      this.#offset = size;
      this.#begun = Buffer.alloc(0);
      return this.window.forget();
    }
    const lines = Buffer.concat([this.#begun, added]);
    const end = lines.lastIndexOf('\n') + 1;
    this.#begun = lines.subarray(end);
    for (const line of lines.subarray(0, end).toString().split('\n')) if (line !== '') this.take(line);
  }

  private take(line: string): void {
    const claim = decodeClaim(CLAIM_LINE.exec(line)?.[1] ?? '');
    if (claim) this.editions.saw(claim);
    else this.window.add(decode(line));
  }
}

function isSame(one: Identity, other: Identity): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** What is no entry, or only a part of one, stands for everything, at any time. */
function decode(line: string): JournalEntry {
  const [match, time, entry = ''] = LINE.exec(line) ?? [];
  return match === undefined
    ? { time: Infinity, scope: { kind: 'all' } }
    : { time: Number(time), scope: readScope(entry) };
}
