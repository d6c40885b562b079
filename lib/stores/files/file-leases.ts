import { createHash, randomUUID } from 'node:crypto';
import { lstatSync, lutimesSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SITE_DIRECTORIES } from '../../page/page-file.js';
import { HeldLease, LEASE_TTL } from '../held-lease.js';
import type { LeaseAnswer } from '../render-lease.js';
import { GONE, unless } from './file-store.error.js';
import { makeDirectorySync } from './make-directory.js';

/** How many marks a process keeps at a time, for renderings that were no pages. Crawlers ask for many. */
const MAX_MARKS = 1000;
/** How many times a process asks for a lease that changes hands meanwhile. */
const ATTEMPTS = 3;
const ALONE = 'alone-';

/** A lease on the disk. */
interface Found {
  /** The name of this lease; no other lease has the same one. */
  readonly name: string;
  /** When it was last renewed: Unix time in milliseconds. */
  readonly renewed: number;
}

/**
 * Which process renders which page. A lease is a symbolic link that leads nowhere: it is made together with its content in one step, which fails if
 * the link exists already, and its date is the beat.
 *
 * Everything here is synchronous, for the same reason as `FileJournal.read()`: a visitor waits for it, and it takes some microseconds.
 */
export class FileLeases {
  readonly #directory: string;
  readonly #held = new Set<FileLease>();
  /** Marks of renderings that were no pages, by path, with the timers that remove them. */
  readonly #marks = new Map<string, { readonly name: string; readonly timer: NodeJS.Timeout }>();
  #closed = false;

  constructor(site: string) {
    this.#directory = join(site, SITE_DIRECTORIES.leases);
  }

  /**
   * Asks for the lease of a page. If no lease can be written, each process renders for itself.
   *
   * @param silent the beat of a process that has died
   */
  take(key: string, silent: string | undefined): LeaseAnswer {
    // A page that is rendered from now on cannot be stored.
    if (this.#closed) return { kind: 'alone' };
    try {
      return this.ask(key, silent);
    } catch {
      return { kind: 'alone' };
    }
  }

  /** Removes what killed processes have left behind. */
  async tidy(now: number): Promise<void> {
    for (const name of await unless(GONE, [], readdir(this.#directory))) {
      const path = join(this.#directory, name);
      const status = await unless(GONE, undefined, lstat(path));
      if (status && hasLapsed(status.mtimeMs, now)) await unless(GONE, undefined, unlink(path));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#held, (lease) => lease.end(true)));
    for (const path of this.#marks.keys()) this.unmark(path);
  }

  private ask(key: string, silent: string | undefined): LeaseAnswer {
    // The hash of any page key is short enough, and a valid file name on any file system.
    const path = join(this.#directory, createHash('sha1').update(key, 'latin1').digest('hex'));
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const name = randomUUID();
      if (this.make(path, name)) return { kind: 'granted', lease: this.hold(path, name) };
      const found = find(path);
      if (!found) continue;
      const beat = `${found.name} ${found.renewed}`;
      if (beat === silent || hasLapsed(found.renewed, Date.now())) this.takeAway(path, found);
      else return found.name.startsWith(ALONE) ? { kind: 'alone' } : { kind: 'taken', beat };
    }
    return { kind: 'alone' };
  }

  /** @returns `false` when there is a lease already */
  private make(path: string, name: string): boolean {
    try {
      return quietly(['EEXIST'], () => symlinkSync(name, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      makeDirectorySync(this.#directory);
      return quietly(['EEXIST'], () => symlinkSync(name, path));
    }
  }

  private hold(path: string, name: string): FileLease {
    const give = (isPage: boolean) => {
      if (isPage || !this.mark(path, name)) remove(path, name);
    };
    const lease = new FileLease(path, name, give, () => this.#held.delete(lease));
    this.#held.add(lease);
    return lease;
  }

  /** Removes a lease that has lapsed. Only one of the processes that try gets it, and then checks whether it is the lease that was meant. */
  private takeAway(path: string, { name, renewed }: Found): void {
    const away = join(this.#directory, randomUUID());
    if (!quietly(GONE, () => renameSync(path, away))) return;
    const taken = find(away);
    unlinkSync(away);
    // Another process was faster, and has the lease now: put it back.
    if (taken && (taken.name !== name || taken.renewed !== renewed)) this.make(path, taken.name);
  }

  /**
   * Replaces a lease by a mark, in one step: a process that asked in between would get the lease, and its visitors would wait once more.
   *
   * @param held the name of the lease
   * @returns whether the mark is there
   */
  private mark(path: string, held: string): boolean {
    if (this.#closed || this.#marks.size >= MAX_MARKS) return false;
    const name = ALONE + randomUUID();
    const draft = join(this.#directory, name);
    try {
      if (find(path)?.name !== held) return false;
      symlinkSync(name, draft);
      renameSync(draft, path);
    } catch {
      quietly(GONE, () => unlinkSync(draft));
      return false;
    }
    clearTimeout(this.#marks.get(path)?.timer);
    this.#marks.set(path, { name, timer: setTimeout(() => this.unmark(path), LEASE_TTL).unref() });
    return true;
  }

  private unmark(path: string): void {
    const mark = this.#marks.get(path);
    if (!mark) return;
    clearTimeout(mark.timer);
    this.#marks.delete(path);
    remove(path, mark.name);
  }
}

class FileLease extends HeldLease {
  constructor(
    private readonly path: string,
    private readonly name: string,
    protected readonly give: (isPage: boolean) => void,
    onEnd: () => void,
  ) {
    super(onEnd);
  }

  protected renew(): void {
    const now = Date.now() / 1000;
    // A process that was suspended for long has lost its lease.
    if (find(this.path)?.name === this.name) quietly(GONE, () => lutimesSync(this.path, now, now));
    else this.lose();
  }
}

function find(path: string): Found | undefined {
  let found: Found | undefined;
  quietly(GONE, () => (found = { name: readlinkSync(path), renewed: lstatSync(path).mtimeMs }));
  return found;
}

/** @returns whether a lease or mark of that name was there */
function remove(path: string, name: string): boolean {
  try {
    return find(path)?.name === name && quietly(GONE, () => unlinkSync(path));
  } catch {
    // The lease lapses by itself.
    return false;
  }
}

/** A date in the future comes from a clock that has been set back. */
function hasLapsed(renewed: number, now: number): boolean {
  return Math.abs(now - renewed) > LEASE_TTL;
}

/** @returns `false` when `run` fails with one of the codes */
function quietly(codes: readonly string[], run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
