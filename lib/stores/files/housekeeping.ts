import { lstat, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GONE, unless } from './file-store.error.js';
import { linkOf, type PageDirectories } from './page-directories.js';
import { ABANDONED, writtenAt } from './page-version.js';
import type { Removals } from './removals.js';

/** The least that a file or a directory takes on most file systems, in bytes. */
export const BLOCK = 4096;
/** The share of the limit after which to measure again what is really stored: other processes write as well. */
const LOOK_AGAIN = 0.05;
/** The share of the limit that is still used after a clean-up. */
const LEFT = 0.9;

interface Usage {
  readonly bytes: number;
  /** When it was last read (as far as the file system tells) or written: Unix time in milliseconds. */
  readonly used: number;
}

/** Keeps the pages of a site within a number of bytes, and removes versions that no link leads to any more. */
export class Housekeeping {
  /** Bytes written since the last look. `Infinity` makes the first page a reason to look. */
  #written = Infinity;
  #looking: Promise<void> | undefined;

  constructor(
    private readonly pages: PageDirectories,
    private readonly removals: Removals,
    private readonly maxBytes: number,
  ) {}

  async wrote(bytes: number): Promise<void> {
    this.#written += bytes;
    if (this.#written < this.maxBytes * LOOK_AGAIN) return;
    this.#looking ??= this.look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  private async look(): Promise<void> {
    this.#written = 0;
    const found = [];
    const ways = new Ways();
    let total = 0;
    for await (const { path, isPage } of this.pages.tree()) {
      if (isPage) await this.discardUnlinked(path);
      const usage = await usageOf(this.pages.path(path), isPage);
      total += usage.bytes;
      ways.add(path);
      if (isPage) found.push({ page: path, ...usage });
      else ways.open(path, usage.bytes);
    }
    for (const path of ways.leadingNowhere()) await this.removals.prune(this.pages.path(path));
    if (total <= this.maxBytes) return;
    // The least recently used go first.
    found.sort((a, b) => a.used - b.used);
    for (const { page, bytes } of found) {
      if (total <= this.maxBytes * LEFT) break;
      await this.removals.take(this.pages.path(page));
      total -= bytes + ways.leave(page);
    }
  }

  /** Removes versions that were replaced, or never came to their place, because a process was killed. */
  private async discardUnlinked(page: string): Promise<void> {
    const { versions } = await this.pages.content(page);
    const old = versions.filter((version) => writtenAt(version) < Date.now() - ABANDONED);
    for (const version of old) {
      if ((await this.pages.current(page, linkOf(version))) === version.name) continue;
      await this.removals.takeVersion(this.pages.path(page, version.name));
    }
    await this.removals.tidy(page);
  }
}

/** The directories on the way to pages. Each is removed with the last page below it. */
class Ways {
  readonly #open = new Map<string, { readonly bytes: number; entries: number }>();

  /** @param bytes what the directory itself takes */
  open(path: string, bytes: number): void {
    this.#open.set(path, { bytes, entries: 0 });
  }

  /** Counts a page or a directory as an entry of the directory above it. */
  add(path: string): void {
    const way = this.#open.get(dirname(path));
    if (way) way.entries += 1;
  }

  /** @returns the bytes of the directories that are removed with the page */
  leave(path: string): number {
    let bytes = 0;
    for (let one = dirname(path), way = this.#open.get(one); way; one = dirname(one), way = this.#open.get(one)) {
      way.entries -= 1;
      if (way.entries > 0) break;
      bytes += way.bytes;
    }
    return bytes;
  }

  /** Empty directories that a killed process has left behind. */
  leadingNowhere(): string[] {
    return [...this.#open].filter(([, { entries }]) => entries === 0).map(([path]) => path);
  }
}

/**
 * Counts blocks, not bytes: a small file takes a whole block, and so does a directory. Where the file system packs files closer, they count as
 * much, because their number must be bounded as well.
 *
 * @param deep whether the content of the directory counts as well
 */
async function usageOf(directory: string, deep: boolean): Promise<Usage> {
  const entries = deep ? await unless(GONE, [], readdir(directory, { withFileTypes: true, recursive: true })) : [];
  const paths = entries
    .filter((entry) => !entry.isSymbolicLink())
    .map(({ parentPath, name }) => `${parentPath}/${name}`);
  const all = await Promise.all([directory, ...paths].map((path) => unless(GONE, undefined, lstat(path))));
  // A page and its copy are one file with two names.
  const distinct = [...new Map(all.flatMap((one) => (one ? [[one.ino, one] as const] : []))).values()];
  return {
    // A block in `blocks` has 512 bytes; the number may not be known yet.
    bytes: distinct.reduce((sum, one) => sum + Math.max(BLOCK, one.size, one.blocks * 512), 0),
    used: Math.max(0, ...distinct.map((one) => (one.isFile() ? Math.max(one.atimeMs, one.ctimeMs) : 0))),
  };
}
