import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rename, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copySpans } from '../../page/copy-spans.js';
import { COPY_BODY, PAGE_BODY } from '../../page/page-file.js';
import { copyLife } from '../../page/stale-times.js';
import type { ExpiryIndex } from './expiry-index.js';
import { GONE, unless } from './file-store.error.js';
import { withDirectory } from './make-directory.js';
import {
  type Coding,
  type Contents,
  DRAFT_LINK,
  linkOf,
  otherLink,
  type PageDirectories,
  TAGS,
} from './page-directories.js';
import type { PageVersion } from './page-version.js';
import { removeEmpty, type Removals } from './removals.js';
import { WorkQueue } from '../../async/work-queue.js';

/**
 * A thread that waits for the disk does nothing else, and the application needs some as well (zlib, DNS, files): one is left to it.
 *
 * @see https://nodejs.org/api/cli.html#uv_threadpool_sizesize
 */
const SYNCED_TOGETHER = Math.max(1, Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) - 1);

/** A date of access before all others, which file systems with `relatime` replace when a file is read. Unix time in seconds. */
const READ_NEVER = 0;

/**
 * Writes versions of pages. A version is written where it will stay, inside the directory of its page, but nginx does not find it before a
 * link there leads to it. That link is prepared inside of the version: whoever takes the version or the page away takes it along.
 */
export class Drafts {
  readonly #syncs = new WorkQueue(SYNCED_TOGETHER);

  constructor(
    private readonly pages: PageDirectories,
    private readonly index: ExpiryIndex,
    private readonly removals: Removals,
    /** Whether somebody wants to know which pages are read. */
    private readonly knowsReads: boolean,
  ) {}

  /**
   * Writes a version, all of it on the disk when it resolves: a crash of the machine must not leave a name without content behind.
   *
   * @param same a version with the same forms
   * @returns `false` when somebody has taken it away meanwhile
   */
  async write(
    page: string,
    version: PageVersion,
    contents: Contents,
    tags: ReadonlySet<string>,
    same?: PageVersion,
  ): Promise<boolean> {
    // First of all: killed from here on, this process leaves nothing behind that nobody will remove.
    await this.index.add(version, page);
    const directory = this.pages.path(page, version.name);
    await withDirectory(dirname(directory), () => mkdir(directory));
    return done(this.fill(directory, version, contents, tags, same && this.pages.path(page, same.name)));
  }

  /**
   * Puts a version where nginx looks, in one step, and removes what was there.
   *
   * @returns whether anybody has read what was there; `undefined` when somebody has taken the version away meanwhile
   */
  async place(page: string, version: PageVersion): Promise<{ readonly wasRead: boolean } | undefined> {
    const from = this.pages.path(page, version.name, DRAFT_LINK);
    if (!(await done(rename(from, this.pages.path(page, linkOf(version)))))) return undefined;
    // The page is there. What is left of others is not served, and goes later if it does not go now.
    return { wasRead: await this.removeOthers(page, version).catch(() => false) };
  }

  async discard(page: string, version: PageVersion): Promise<void> {
    await this.removals.takeVersion(this.pages.path(page, version.name));
    await this.removals.tidy(page);
  }

  private async fill(
    directory: string,
    { name, modified, tagged, expires, stale }: PageVersion,
    contents: Contents,
    tags: ReadonlySet<string>,
    same: string | undefined,
  ): Promise<void> {
    // Before the body: a version that has one and no link has been in its place.
    await symlink(name, join(directory, DRAFT_LINK));
    if (tagged) await writeFile(join(directory, TAGS), JSON.stringify([...tags]), { flag: 'wx' });
    const forms = Array.from(contents, async ([coding, bytes]) => {
      const form = PAGE_BODY + coding;
      const isLinked = same !== undefined && (await relink(join(same, form), join(directory, form), modified));
      if (!isLinked) await this.writeForm(join(directory, form), bytes, modified);
    });
    // All of them: what fails is deleted, and nothing may be written there any more.
    for (const form of await Promise.allSettled(forms)) if (form.status === 'rejected') throw form.reason;
    if (stale) await this.copy(directory, [...contents.keys()], expires + copyLife(stale));
  }

  /** A second name for each form, and the times at which nginx finds it. @param end Unix time in milliseconds */
  private async copy(directory: string, codings: readonly Coding[], end: number): Promise<void> {
    for (const coding of codings) await link(join(directory, PAGE_BODY + coding), join(directory, COPY_BODY + coding));
    for (const span of copySpans(Date.now(), end)) await symlink('.', join(directory, span));
  }

  /** @param modified Unix time in whole seconds; nginx makes Last-Modified and ETag of it */
  private async writeForm(path: string, bytes: Buffer, modified: number): Promise<void> {
    const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
    try {
      await file.writeFile(bytes);
      await file.utimes(READ_NEVER, modified);
      await this.#syncs.run(() => file.datasync());
    } finally {
      await file.close();
    }
  }

  /** @returns whether anybody has read one of them */
  private async removeOthers(page: string, version: PageVersion): Promise<boolean> {
    let wasRead = false;
    // It ends when it is purged or replaced, and not before.
    if (version.ttl === 0) await this.index.drop(version);
    const { versions, links } = await this.pages.content(page);
    if (links.includes(otherLink(version))) {
      await unless(GONE, undefined, unlink(this.pages.path(page, otherLink(version))));
    }
    for (const other of versions) {
      if (other.name === version.name || (await this.isDraft(page, other))) continue;
      // In this order: a version comes to its place only once.
      if ((await this.pages.current(page, linkOf(other))) === other.name) continue;
      wasRead ||= await this.wasRead(page, other);
      await this.removals.takeVersion(this.pages.path(page, other.name));
    }
    return wasRead;
  }

  /**
   * Ends a version that has not come to its place: it will not come there any more.
   *
   * @param directory its own
   * @returns `false` for one that has come there
   */
  async end(directory: string): Promise<boolean> {
    const draft = join(directory, DRAFT_LINK);
    // Each attempt is one step: between a look and a removal, the version could come to its place.
    while (!(await done(unlink(draft))) && !(await removeEmpty(directory))) {
      if (!(await unless(GONE, undefined, lstat(draft)))) return false;
    }
    return true;
  }

  /** Whether anybody has read a version. `false` if nobody wants to know. */
  async wasRead(page: string, version: PageVersion): Promise<boolean> {
    return this.knowsReads && this.pages.isRead(page, version);
  }

  /** Whether it has not come to its place. */
  private async isDraft(page: string, { name }: PageVersion): Promise<boolean> {
    const files: string[] = await unless(GONE, [], readdir(this.pages.path(page, name)));
    return files.includes(DRAFT_LINK) || !(files.includes(PAGE_BODY) || files.includes(COPY_BODY));
  }
}

function done(work: Promise<unknown>): Promise<boolean> {
  return unless(
    GONE,
    false,
    work.then(() => true),
  );
}

/**
 * Gives a file another name, as if it had been written there: its content is on the disk already.
 *
 * @returns `false` when it has gone meanwhile, or where files have one name only
 */
async function relink(from: string, to: string, modified: number): Promise<boolean> {
  const isLinked = await link(from, to).then(
    () => true,
    () => false,
  );
  if (isLinked) await utimes(to, READ_NEVER, modified);
  return isLinked;
}
