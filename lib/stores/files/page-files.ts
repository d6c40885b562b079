import { constants } from 'node:fs';
import {
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PAGE_FILE_MARK, SITE_DIRECTORIES } from '../../page/page-file.js';
import { GONE, unless } from './file-store.error.js';
import { dated, encodeTags, hasNoTags, isTaggedWith, TAGS } from './page-tags.js';

/** Where a page is: among those with a ttl or those without. */
export type Tree = 'expiring' | 'kept';
export const TREES: readonly Tree[] = ['expiring', 'kept'];

/** The forms of a page by what nginx appends to the name (ngx_http_gzip_static_module, ngx_brotli). */
export type Coding = '' | '.gz' | '.br';
const PACKED: readonly Coding[] = ['.gz', '.br'];
const BESIDE = [...PACKED, TAGS] as const;
export type Contents = ReadonlyMap<Coding, Buffer>;

/** So often the directory of a page may vanish between its making and its use, because others purge there. */
const ATTEMPTS = 20;

/** The files of one site. Names are those that `pageFile()` gives. */
export class PageFiles {
  /** @param packed the forms that are kept beside the plain one */
  constructor(
    private readonly site: string,
    private readonly packed: readonly Coding[],
  ) {}

  /**
   * Writes a page where nginx does not look, all of it on the disk when it resolves: a crash of the machine must not leave
   * a name without content behind either.
   *
   * @param modified Unix time in whole seconds; nginx makes Last-Modified and ETag of it
   * @returns what tells this version of the page from all others
   */
  async write(draft: string, contents: Contents, modified: number, tags: readonly string[]): Promise<string> {
    const date = dated(modified, tags);
    let version = '';
    for (const [coding, bytes] of contents) {
      const path = this.draftPath(draft, coding);
      const create = () => open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
      const file = await create().catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        await mkdir(dirname(path), { recursive: true });
        return create();
      });
      try {
        await file.writeFile(bytes);
        // Read never: a date before all others, which file systems with `relatime` replace when it is read.
        await file.utimes(0, date);
        await file.datasync();
        if (coding === '') version = versionOf(await file.stat({ bigint: true }));
      } finally {
        await file.close();
      }
    }
    // What a crash of the machine makes of it is no list of tags any more.
    if (tags.length > 0) await writeFile(this.draftPath(draft, TAGS), encodeTags(version, tags));
    return version;
  }

  /**
   * Puts a written page where nginx looks. The plain file comes last: nginx serves the others only where that is.
   *
   * @returns `false` when the draft is not there any more
   */
  async place(draft: string, contents: Contents, tree: Tree, file: string): Promise<boolean> {
    const path = this.path(tree, file);
    for (const coding of PACKED) {
      if (contents.has(coding)) {
        if (!(await this.put(rename, this.draftPath(draft, coding), path + coding))) return false;
      } else await remove(path + coding);
    }
    if (!(await this.put(rename, this.draftPath(draft, TAGS), path + TAGS))) await remove(path + TAGS);
    return this.put(rename, this.draftPath(draft, ''), path);
  }

  /** Takes a version of a page with a ttl among those without; nginx finds one or the other all the time. */
  async keep(file: string, version: string): Promise<void> {
    const [from, to] = [this.path('expiring', file), this.path('kept', file)];
    for (const end of [...BESIDE, '']) {
      await remove(to + end);
      await unless(['EEXIST'], false, this.put(link, from + end, to + end));
    }
    // Purged meanwhile: whoever did that may have looked among the others before this one was there.
    if ((await this.version('expiring', file)) !== version) await this.remove('kept', file);
    await this.remove('expiring', file);
    await this.prune('expiring', [file]);
  }

  async discard(draft: string): Promise<boolean> {
    const [plain = false] = await Promise.all(['', ...BESIDE].map((end) => remove(this.draftPath(draft, end))));
    return plain;
  }

  /** Removes what a process that has been killed was writing. @param before Unix time in milliseconds */
  async discardAbandoned(before: number): Promise<void> {
    const names = await unless(GONE, [], readdir(this.draftPath('', '')));
    for (const name of names) {
      const found = await unless(GONE, undefined, lstat(this.draftPath(name, '')));
      if (found && found.ctimeMs < before) await rm(this.draftPath(name, ''), { recursive: true, force: true });
    }
  }

  /** @returns whether nginx could have served it */
  async remove(tree: Tree, file: string): Promise<boolean> {
    const path = this.path(tree, file);
    // Without the plain file the others are not served, and whoever writes it again replaces or removes them.
    if (!(await remove(path))) return false;
    await Promise.all([...this.packed, TAGS].map((end) => remove(path + end)));
    return true;
  }

  /** Removes the directories of pages as far as they are empty, up to the tree itself. */
  async prune(tree: Tree, files: Iterable<string>): Promise<void> {
    for (let directories = parents(files); directories.size > 0;) {
      const removed: string[] = [];
      for (const directory of directories) {
        if (await this.removeEmpty(this.path(tree, directory))) removed.push(directory);
      }
      directories = parents(removed);
    }
  }

  read(tree: Tree, file: string, coding: Coding): Promise<Buffer | undefined> {
    return unless(GONE, undefined, readFile(this.path(tree, file) + coding));
  }

  async version(tree: Tree, file: string): Promise<string | undefined> {
    const found = await unless(GONE, undefined, lstat(this.path(tree, file), { bigint: true }));
    return found && versionOf(found);
  }

  /** Whether a page has one of the tags, or tags that are not known. */
  async isTagged(tree: Tree, file: string, tags: ReadonlySet<string>): Promise<boolean> {
    const path = this.path(tree, file);
    const found = await unless(GONE, undefined, lstat(path, { bigint: true }));
    if (!found || hasNoTags(found.mtimeNs)) return false;
    const bytes = await unless(GONE, undefined, readFile(path + TAGS));
    return isTaggedWith(bytes, versionOf(found), tags);
  }

  /** Unix time in seconds. */
  async modified(tree: Tree, file: string): Promise<number | undefined> {
    const found = await unless(GONE, undefined, lstat(this.path(tree, file)));
    return found && Math.floor(found.mtimeMs / 1000);
  }

  /** What a page takes on the disk, and when it was last read (as far as the file system tells) or written. */
  async usage(tree: Tree, file: string): Promise<{ bytes: number; used: number }> {
    const paths = ['', ...BESIDE].map((end) => this.path(tree, file) + end);
    const all = await Promise.all(paths.map((path) => unless(GONE, undefined, stat(path))));
    return {
      bytes: all.reduce((sum, one) => sum + (one ? sizeOf(one) : 0), 0),
      used: Math.max(...all.map((one) => (one ? Math.max(one.atimeMs, one.ctimeMs) : 0))),
    };
  }

  /** Every page. Those that come and go meanwhile may be among them or not. */
  async *list(): AsyncGenerator<{ tree: Tree; file: string }, void, undefined> {
    for (const tree of TREES) yield* this.listBelow(tree, '');
  }

  private async *listBelow(tree: Tree, directory: string): AsyncGenerator<{ tree: Tree; file: string }> {
    const entries = await unless(GONE, [], readdir(this.path(tree, directory), { withFileTypes: true }));
    for (const entry of entries) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory()) yield* this.listBelow(tree, path);
      else if (entry.isFile() && entry.name.endsWith(PAGE_FILE_MARK)) yield { tree, file: path };
    }
  }

  private removeEmpty(directory: string): Promise<boolean> {
    return unless(
      ['ENOTEMPTY', 'EEXIST', ...GONE],
      false,
      rmdir(directory).then(() => true),
    );
  }

  /** @returns `false` when there is nothing to put there */
  private async put(
    operation: (from: string, to: string) => Promise<void>,
    from: string,
    to: string,
  ): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await operation(from, to);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt >= ATTEMPTS) throw error;
        if (!(await unless(GONE, undefined, lstat(from)))) return false;
        // Others may remove it while it is being made.
        await unless(GONE, undefined, mkdir(dirname(to), { recursive: true }));
      }
    }
  }

  private path(tree: Tree, file: string): string {
    return join(this.site, SITE_DIRECTORIES[tree], file);
  }

  private draftPath(draft: string, end: string): string {
    return join(this.site, SITE_DIRECTORIES.tmp, draft + end);
  }
}

/** The directories that hold them, without the tree itself. */
function parents(paths: Iterable<string>): Set<string> {
  return new Set(Array.from(paths, dirname).filter((directory) => directory !== '/'));
}

/** @returns whether it was there */
function remove(path: string): Promise<boolean> {
  return unless(
    GONE,
    false,
    unlink(path).then(() => true),
  );
}

/** A renamed file keeps both; a rewritten one has neither. */
function versionOf({ ino, mtimeNs }: { ino: bigint; mtimeNs: bigint }): string {
  return `${ino}.${mtimeNs}`;
}

/** Blocks count, not bytes: a small page takes a whole one. `blocks` are of 512 bytes, and may not be known yet. */
function sizeOf({ size, blocks }: { size: number; blocks: number }): number {
  return Math.max(size, blocks * 512);
}
