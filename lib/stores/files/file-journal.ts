import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { open, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Claim, decodeClaim, type Edition, EditionWatch, encodeClaim, isLater } from '../journal/edition.js';
import { type JournalEntry, JournalWindow } from '../journal/journal-window.js';
import type { PurgeJournal } from '../journal/purge-journal.js';
import { type PurgeScope, readScope, writeScope } from '../journal/purge-scope.js';
import { ClaimFile } from './claim-file.js';
import { FileStoreError, unless } from './file-store.error.js';
import { makeDirectorySync, withDirectory } from './make-directory.js';

/** The longest entry, in characters. A longer purge is written down in parts. */
const ENTRY_MAX = 4096;
/** The size at which a new journal is begun, in bytes: about 40,000 purges. */
const JOURNAL_MAX = 4 * 1024 * 1024;
/** Lines of earlier versions do not name who wrote them. */
const LINE = /^(\d{13}) (?:([\w-]{8}) )?(\{.*\})$/;
const CLAIM_LINE = /^claim (\S+)$/;

/** Identifies a file, as long as it is open. */
interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

interface OpenJournal extends Identity {
  readonly descriptor: number;
}

/**
 * The purges of all processes, in one file to which each process appends. A line is `<Unix time in milliseconds> <name of the process>
 * <scope>`.
 *
 * An entry counts if the file to which it was written still has the name of the journal. Removing that name makes every process forget what it has
 * read, so no process can store a page that it began before. Removing needs no space, so a purge succeeds on a full disk as well.
 */
export class FileJournal implements PurgeJournal {
  readonly window = new JournalWindow();
  readonly editions: EditionWatch;
  held = false;
  readonly #claims: ClaimFile;
  /** The name of this process. */
  readonly #writer = randomBytes(6).toString('base64url');
  #open: OpenJournal | undefined;
  /** How far the file has been read, in bytes. */
  #offset = 0;
  /** The beginning of a line whose end is missing, because it is still being written or because the disk is full. */
  #begun = Buffer.alloc(0);
  #closed = false;

  /**
   * @param path the path of the journal; the claim is in another file beside it
   * @param own the edition whose pages this process stores
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
    // The first newline ends a line that another process could not finish.
    const lines = writeScope(scope, ENTRY_MAX).map((entry) => `\n${time} ${this.#writer} ${entry}\n`);
    await this.note(lines.join(''));
    // Read the entry at once, so that a request that comes in from now on counts as younger.
    await this.look().catch(() => {});
  }

  async catchUp(): Promise<void> {
    this.read();
  }

  /**
   * Writes the claim to its file, for processes that start later, and to the journal, where running processes see it before they put a page where
   * nginx looks.
   */
  async claim(change: (claim: Claim | undefined) => Claim | undefined): Promise<void> {
    this.read();
    const written = this.#claims.read();
    this.editions.saw(written);
    const known = this.editions.claim;
    // A process that started with the older claim in the file may have stored pages of its own edition.
    const isBehind = known && isLater(known, written);
    const before = isBehind ? { ...known, isSwept: false, keepsOwn: false } : known;
    const claim = change(before) ?? (isBehind ? before : undefined);
    if (!claim) return;
    await this.#claims.write(claim);
    if (isBehind || isLater(claim, known)) await this.note(`\nclaim ${encodeClaim(claim)}\n`);
    this.read();
    this.editions.saw(claim);
    // If another process has claimed at the same time, both have read both lines, so both leave the later claim in the file.
    const latest = this.editions.claim;
    if (latest && isLater(latest, claim)) await this.#claims.write(latest);
  }

  /** As `catchUp()`: both only look at the size of an open file, which costs less than sharing one look. */
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

  /** Synchronous: the kernel has this in memory, while the threads that asynchronous calls need (libuv has four) may all be waiting for the disk. */
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
      makeDirectorySync(dirname(this.path));
      descriptor = openSync(this.path, flags, 0o644);
    }
    const { dev, ino, size } = fstatSync(descriptor, { bigint: true });
    this.#open = { descriptor, dev, ino };
    this.#offset = Number(size);
    this.#begun = Buffer.alloc(0);
    // Read the claim after the journal has been opened: then a claim is either in its file or in a line that is still to come.
    this.editions.saw(this.#claims.read());
  }

  private readTo({ descriptor }: OpenJournal, size: number): void {
    if (size === this.#offset) return;
    const added = Buffer.alloc(Math.max(0, size - this.#offset));
    const read = size < this.#offset ? -1 : readSync(descriptor, added, 0, added.length, this.#offset);
    this.#offset += read;
    // The file has been cut off.
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
    else this.window.add(this.decode(line));
  }

  /** A line that is no entry, or only a part of one, counts as a purge of everything, at any time. */
  private decode(line: string): JournalEntry {
    const [match, written, writer, entry = ''] = LINE.exec(line) ?? [];
    if (match === undefined) return { time: Infinity, scope: { kind: 'all' } };
    const time = Number(written);
    const scope = readScope(entry);
    // The order of this process's own purges is known, so the clock does not matter.
    return writer === this.#writer ? { time: Infinity, written: time, scope } : { time, scope };
  }
}

function isSame(one: Identity, other: Identity): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}
