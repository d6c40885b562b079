import { constants } from 'node:fs';
import { link, lstat, open, readdir, rename, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copySpans } from '../../page/copy-spans.js';
import { COPY_BODY, PAGE_BODY } from '../../page/page-file.js';
import { copyLife } from '../../page/stale-times.js';
import type { ExpiryIndex } from './expiry-index.js';
import { GONE, unless } from './file-store.error.js';
import { makeOne, withDirectory } from './make-directory.js';
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
 * How many threads may wait for the disk at once. A waiting thread does nothing else, so one is left for the application (zlib, DNS, files).
 *
 * @see https://nodejs.org/api/cli.html#uv_threadpool_sizesize
 */
const SYNCED_TOGETHER = Math.max(1, Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) - 1);

/** An access time earlier than any real one: a file system with `relatime` replaces it at the first read. Unix time in seconds. */
const READ_NEVER = 0;

/**
 * Writes versions of pages. A version is written where it stays, inside the directory of its page, but nginx finds it only once a link in that
 * directory leads to it. The link is prepared inside the version, so that removing the version or the page removes the link too.
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
   * Writes a version. All of it is on the disk when the promise resolves: a crash of the machine must not leave a name without content.
   *
   * @param same a version with the same forms
   * @returns `false` when the version was removed in the meantime
   */
  async write(
    page: string,
    version: PageVersion,
    contents: Contents,
    tags: ReadonlySet<string>,
    same?: PageVersion,
  ): Promise<boolean> {
    // This comes first: if this process is killed from here on, the entry leads to whatever it leaves behind.
    await this.index.add(version, page);
    const directory = this.pages.path(page, version.name);
    await withDirectory(dirname(directory), () => makeOne(directory));
    return done(this.fill(directory, version, contents, tags, same && this.pages.path(page, same.name)));
  }

  /**
   * Puts a version where nginx looks, in one step, and removes the versions that it replaces.
   *
   * @returns whether anybody has read one of those; `undefined` when the version was removed in the meantime
   */
  async place(page: string, version: PageVersion): Promise<{ readonly wasRead: boolean } | undefined> {
    const from = this.pages.path(page, version.name, DRAFT_LINK);
    if (!(await done(rename(from, this.pages.path(page, linkOf(version)))))) return undefined;
    // The page is in its place. Remains of other versions are not served; those that cannot be removed now are removed later.
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
    // The link is written before the body: a version with a body but no link counts as one that has been in its place.
    await symlink(name, join(directory, DRAFT_LINK));
    if (tagged) await writeFile(join(directory, TAGS), JSON.stringify([...tags]), { flag: 'wx' });
    const forms = Array.from(contents, async ([coding, bytes]) => {
      const form = PAGE_BODY + coding;
      const isLinked = same !== undefined && (await relink(join(same, form), join(directory, form), modified));
      if (!isLinked) await this.writeForm(join(directory, form), bytes, modified);
    });
    // Wait for all of them: a version that fails is deleted, and nothing may be written into it after that.
    for (const form of await Promise.allSettled(forms)) if (form.status === 'rejected') throw form.reason;
    if (stale) await this.copy(directory, [...contents.keys()], expires + copyLife(stale));
  }

  /** Gives each form a second name, and makes the links by which nginx finds them until `end`. @param end Unix time in milliseconds */
  private async copy(directory: string, codings: readonly Coding[], end: number): Promise<void> {
    for (const coding of codings) await link(join(directory, PAGE_BODY + coding), join(directory, COPY_BODY + coding));
    for (const span of copySpans(Date.now(), end)) await symlink('.', join(directory, span));
  }

  /** @param modified Unix time in whole seconds; nginx derives Last-Modified and ETag from it */
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
    // A version without a ttl ends only when it is purged or replaced.
    if (version.ttl === 0) await this.index.drop(version);
    const { versions, links } = await this.pages.content(page);
    if (links.includes(otherLink(version))) {
      await unless(GONE, undefined, unlink(this.pages.path(page, otherLink(version))));
    }
    for (const other of versions) {
      if (other.name === version.name || (await this.isDraft(page, other))) continue;
      // This must follow the check for a draft: a version comes to its place only once, so it cannot get there in between.
      if ((await this.pages.current(page, linkOf(other))) === other.name) continue;
      wasRead ||= await this.wasRead(page, other);
      await this.removals.takeVersion(this.pages.path(page, other.name));
    }
    return wasRead;
  }

  /**
   * Prevents a draft from coming to its place.
   *
   * @param directory the directory of the version
   * @returns `false` when the version has come to its place already
   */
  async end(directory: string): Promise<boolean> {
    const draft = join(directory, DRAFT_LINK);
    // Each attempt is a single step: between a check and a removal, the version could come to its place.
    while (!(await done(unlink(draft))) && !(await removeEmpty(directory))) {
      if (!(await unless(GONE, undefined, lstat(draft)))) return false;
    }
    return true;
  }

  /** Whether anybody has read a version. `false` if nobody wants to know. */
  async wasRead(page: string, version: PageVersion): Promise<boolean> {
    return this.knowsReads && this.pages.isRead(page, version);
  }

  /** Whether a version has not come to its place yet. */
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
 * Gives a file a second name instead of writing it again: its content is on the disk already.
 *
 * @returns `false` when the file has been removed in the meantime, or when the file system has no hard links
 */
async function relink(from: string, to: string, modified: number): Promise<boolean> {
  const isLinked = await link(from, to).then(
    () => true,
    () => false,
  );
  if (isLinked) await utimes(to, READ_NEVER, modified);
  return isLinked;
}
