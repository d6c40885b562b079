import { randomUUID } from 'node:crypto';
import { lstat, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { inTime } from '../../async/in-time.js';
import { COPY_BODY, PAGE_BODY, PAGE_FILE_MARK, SITE_DIRECTORIES } from '../../page/page-file.js';
import type { ExpiryIndex } from './expiry-index.js';
import { GONE, unless } from './file-store.error.js';
import { makeOne } from './make-directory.js';
import { CODINGS, contentOf, holdsPage, type PageDirectories } from './page-directories.js';
import { ABANDONED, parseVersion } from './page-version.js';
import { WorkQueue } from '../../async/work-queue.js';

/** Error codes of a full disk, which has no room for another name. */
const NO_ROOM = ['ENOSPC', 'EDQUOT'];
/** How many times a removal is tried when something vanishes under it. */
const ATTEMPTS = 3;
/** How long a process that ends waits for its deletions, in milliseconds. */
const CLOSING = 2000;
/** How many deletions run at once in the background: visitors need threads, too. */
const TOGETHER = 2;

/** Removes the directories of pages, and their entries in the expiry index. */
export class Removals {
  readonly #tmp: string;
  readonly #queue = new WorkQueue(TOGETHER);
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(
    site: string,
    private readonly pages: PageDirectories,
    private readonly index: ExpiryIndex,
    /** Whether there may be pages of which only the copy is left. */
    private readonly keepsCopies: boolean,
  ) {
    this.#tmp = join(site, SITE_DIRECTORIES.tmp);
  }

  /**
   * Takes a page, or all pages below a directory, out of nginx's sight in one step, and deletes them afterwards. Drafts in there cannot come to
   * their place any more.
   *
   * @returns how many pages there were
   */
  async take(path: string): Promise<number> {
    const away = join(this.#tmp, randomUUID() + (path.endsWith(PAGE_FILE_MARK) ? PAGE_FILE_MARK : ''));
    try {
      if (!(await this.rename(path, away))) return 0;
    } catch (error) {
      if (!NO_ROOM.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      const pages = await this.count(path);
      await this.erase(path);
      return pages;
    }
    const pages = await this.count(away);
    this.inBackground(async () => {
      await this.erase(away);
      await this.prune(dirname(path));
    });
    return pages;
  }

  /** Removes one version. After the first steps, nginx does not find it any more. @param directory the directory of the version */
  async takeVersion(directory: string): Promise<void> {
    for (const body of [PAGE_BODY, COPY_BODY]) await unless(GONE, undefined, unlink(join(directory, body)));
    await this.erase(directory);
  }

  /** Removes one version, except for its copy. @param directory the directory of the version */
  async takeBody(directory: string): Promise<void> {
    for (const coding of CODINGS) await unless(GONE, undefined, unlink(join(directory, PAGE_BODY + coding)));
  }

  /** Removes the directory of a page if it contains nothing but links. */
  async tidy(page: string): Promise<void> {
    const { versions, links } = await this.pages.content(page);
    if (versions.length > 0) return;
    if (links.length > 0) await this.take(this.pages.path(page));
    else await this.prune(this.pages.path(page));
  }

  /** Deletes what a killed process has left behind. @param now Unix time in milliseconds */
  async discardAbandoned(now: number): Promise<void> {
    for (const name of await unless(GONE, [], readdir(this.#tmp))) {
      const status = await unless(GONE, undefined, lstat(join(this.#tmp, name)));
      if (status && status.ctimeMs < now - ABANDONED) await this.erase(join(this.#tmp, name));
    }
  }

  /** Deletions that do not end in time are left to other processes. */
  async close(): Promise<void> {
    await inTime(this.finish(), CLOSING);
    this.#closed = true;
  }

  private async finish(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** @returns whether `path` existed */
  private async rename(path: string, away: string): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await rename(path, away);
        return true;
      } catch (error) {
        if (!GONE.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
        if (!(await unless(GONE, undefined, lstat(path)))) return false;
        if (attempt === ATTEMPTS) throw error;
        // `path` exists, so it is `tmp` that is missing.
        await unless(['EEXIST'], undefined, makeOne(this.#tmp));
      }
    }
  }

  /**
   * Reading each directory once is enough: what is added afterwards is younger than the purge. A directory that is not empty in the end is left to
   * the process that writes there.
   */
  private async erase(path: string): Promise<void> {
    const entries = await unless(['ENOENT'], [], readdir(path, { withFileTypes: true }));
    const version = parseVersion(basename(path));
    const files = entries.filter((entry) => !entry.isDirectory());
    await Promise.all([
      ...files.map(({ name }) => unless(GONE, undefined, unlink(join(path, name)))),
      this.eraseAll(entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name))),
    ]);
    // The entry is dropped last: if the process is killed, the entry leads to what is left, and to a draft that has just been begun.
    if ((await removeEmpty(path)) && version) await this.index.drop(version);
  }

  private async eraseAll(directories: readonly string[]): Promise<void> {
    for (const directory of directories) await this.erase(directory);
  }

  /** Removes a directory and those above it, as long as they are empty. */
  async prune(path: string): Promise<void> {
    for (let one = path; one.startsWith(`${this.pages.top}/`); one = dirname(one)) {
      if (!(await removeEmpty(one))) return;
    }
  }

  /** How many pages there are. Below a directory, pages that are still being written may count as well. */
  private async count(path: string): Promise<number> {
    if (path.endsWith(PAGE_FILE_MARK)) return holdsPage(await contentOf(path)) ? 1 : 0;
    const entries = await unless(GONE, [], readdir(path, { withFileTypes: true }));
    let pages = 0;
    for (const entry of entries) {
      const isPage = entry.name.endsWith(PAGE_FILE_MARK);
      if (isPage && !this.keepsCopies) pages += 1;
      else if (isPage || entry.isDirectory()) pages += await this.count(join(path, entry.name));
    }
    return pages;
  }

  private inBackground(work: () => Promise<void>): void {
    // What is not deleted stays in `tmp`, where it is found later.
    const running = this.#queue.run(async () => (this.#closed ? undefined : work())).catch(() => {});
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }
}

/** @returns whether the directory is gone */
export function removeEmpty(directory: string): Promise<boolean> {
  return unless(
    ['ENOTEMPTY', 'EEXIST'],
    false,
    unless(GONE, undefined, rmdir(directory)).then(() => true),
  );
}
