import { type BigIntStats, constants } from 'node:fs';
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
import { identityOf, shareForm, versionOf } from './page-version.js';
import { put } from './put.js';

/** Where a page is: among those with a ttl or those without. */
export type Tree = 'expiring' | 'kept';
export const TREES: readonly Tree[] = ['expiring', 'kept'];

/** The forms of a page by what nginx appends to the name (ngx_http_gzip_static_module, ngx_brotli). */
export type Coding = '' | '.gz' | '.br';
const PACKED: readonly Coding[] = ['.gz', '.br'];
const BESIDE = [...PACKED, TAGS] as const;
export type Contents = ReadonlyMap<Coding, Buffer>;

/** The files of one site. Names are those that `pageFile()` gives. */
export class PageFiles {
  readonly #beside: readonly string[];

  /** @param packed the forms that are kept beside the plain one */
  constructor(
    private readonly site: string,
    packed: readonly Coding[],
  ) {
    this.#beside = [...packed, TAGS];
  }

  /**
   * Writes a page where nginx does not look, all of it on the disk when it resolves: a crash of the machine must not leave
   * a name without content behind either.
   *
   * @param modified Unix time in whole seconds; nginx makes Last-Modified and ETag of it
   * @returns what tells this version of the page from all others
   */
  async write(draft: string, contents: Contents, modified: number, tags: readonly string[]): Promise<string> {
    const date = dated(modified, tags);
    const forms = new Map<string, BigIntStats>();
    for (const [coding, bytes] of contents) {
      forms.set(coding, await this.writeForm(this.draftPath(draft, coding), bytes, date));
    }
    const plain = forms.get('');
    if (plain && tags.length > 0) {
      const path = this.draftPath(draft, TAGS);
      // What a crash of the machine makes of it is no list of tags any more.
      await writeFile(path, encodeTags(identityOf(plain), tags));
      forms.set(TAGS, await lstat(path, { bigint: true }));
    }
    return versionOf(['', ...this.#beside].map((end) => forms.get(end)));
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
        if (!(await put(rename, this.draftPath(draft, coding), path + coding))) return false;
      } else await remove(path + coding);
    }
    if (!(await put(rename, this.draftPath(draft, TAGS), path + TAGS))) await remove(path + TAGS);
    return put(rename, this.draftPath(draft, ''), path);
  }

  /** Takes a version of a page with a ttl among those without; nginx finds one or the other all the time. */
  async keep(file: string, version: string): Promise<void> {
    const [from, to] = [this.path('expiring', file), this.path('kept', file)];
    for (const end of [...BESIDE, '']) {
      await remove(to + end);
      await unless(['EEXIST'], false, put(link, from + end, to + end));
    }
    // Purged meanwhile: whoever did that may have looked among the others before this one was there. Or replaced, as a whole or not.
    if ((await this.version('expiring', file)) !== version) await this.clear('kept', file);
    await this.clear('expiring', file);
  }

  async discard(draft: string): Promise<void> {
    await Promise.all(['', ...BESIDE].map((end) => remove(this.draftPath(draft, end))));
  }

  /** Removes what a process that has been killed was writing. @param before Unix time in milliseconds */
  async discardAbandoned(before: number): Promise<void> {
    const names = await unless(GONE, [], readdir(this.draftPath('', '')));
    for (const name of names) {
      const status = await unless(GONE, undefined, lstat(this.draftPath(name, '')));
      if (status && status.ctimeMs < before) await rm(this.draftPath(name, ''), { recursive: true, force: true });
    }
  }

  /** @returns whether nginx could have served it */
  async remove(tree: Tree, file: string): Promise<boolean> {
    const path = this.path(tree, file);
    // Without the plain file the others are not served, and whoever writes it again replaces or removes them.
    if (!(await remove(path))) return false;
    await this.removeBeside(path);
    return true;
  }

  /** Removes a version wherever it is, and with it the page of another version into which a form of it has come. */
  async removeVersion(file: string, version: string): Promise<void> {
    // In this order: a page that is confirmed meanwhile comes from the first to the second.
    for (const tree of TREES) {
      if (shareForm(versionOf(await this.forms(tree, file)), version)) await this.clear(tree, file);
    }
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

  /** @returns `undefined` when there is no page */
  async version(tree: Tree, file: string): Promise<string | undefined> {
    // Most often it is not there.
    if (!(await statusOf(this.path(tree, file)))) return undefined;
    const [plain, ...beside] = await this.forms(tree, file);
    return plain && versionOf([plain, ...beside]);
  }

  /** Whether a version is still being written or stands somewhere. */
  async exists(draft: string, file: string, version: string): Promise<boolean> {
    // In this order, the one in which it moves.
    if (await statusOf(this.draftPath(draft, ''))) return true;
    for (const tree of TREES) {
      if (shareForm((await this.version(tree, file)) ?? '', version)) return true;
    }
    return false;
  }

  /** Whether a page has one of the tags, or tags that are not known. */
  async isTagged(tree: Tree, file: string, tags: ReadonlySet<string>): Promise<boolean> {
    const path = this.path(tree, file);
    const plain = await statusOf(path);
    // One that is confirmed meanwhile has come from the first tree to the second.
    if (!plain) return tree === 'expiring' && this.isTagged('kept', file, tags);
    if (hasNoTags(plain.mtimeNs)) return false;
    const bytes = await unless(GONE, undefined, readFile(path + TAGS));
    return isTaggedWith(bytes, identityOf(plain), tags);
  }

  /** Unix time in seconds. */
  async modified(tree: Tree, file: string): Promise<number | undefined> {
    const status = await unless(GONE, undefined, lstat(this.path(tree, file)));
    return status && Math.floor(status.mtimeMs / 1000);
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

  private async writeForm(path: string, bytes: Buffer, date: number): Promise<BigIntStats> {
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
      return await file.stat({ bigint: true });
    } finally {
      await file.close();
    }
  }

  private forms(tree: Tree, file: string): Promise<(BigIntStats | undefined)[]> {
    return Promise.all(['', ...this.#beside].map((end) => statusOf(this.path(tree, file) + end)));
  }

  /** Removes all forms, also where the plain one is not there. */
  private async clear(tree: Tree, file: string): Promise<void> {
    const path = this.path(tree, file);
    await remove(path);
    await this.removeBeside(path);
    await this.prune(tree, [file]);
  }

  /** The plain one as well when another process has put it there again: it may have lost its other forms. */
  private async removeBeside(path: string): Promise<void> {
    do await Promise.all(this.#beside.map((end) => remove(path + end)));
    while (await remove(path));
  }

  private removeEmpty(directory: string): Promise<boolean> {
    return unless(
      ['ENOTEMPTY', 'EEXIST', ...GONE],
      false,
      rmdir(directory).then(() => true),
    );
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

function statusOf(path: string): Promise<BigIntStats | undefined> {
  return unless(GONE, undefined, lstat(path, { bigint: true }));
}

/** Blocks count, not bytes: a small page takes a whole one. `blocks` are of 512 bytes, and may not be known yet. */
function sizeOf({ size, blocks }: { size: number; blocks: number }): number {
  return Math.max(size, blocks * 512);
}
