import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PAGE_FILE_MARK, SITE_DIRECTORIES } from '../../page/page-file.js';
import { GONE, unless } from './file-store.error.js';
import { TREES } from './page-files.js';
import { put } from './put.js';

/** Takes all pages below a path out of nginx's sight, however many: their directories are renamed, and deleted afterwards. */
export class Subtrees {
  readonly #tmp: string;
  readonly #deletions = new Set<Promise<void>>();

  constructor(private readonly site: string) {
    this.#tmp = join(site, SITE_DIRECTORIES.tmp);
  }

  /**
   * @param path of the uppermost page; '' for the whole site
   * @returns how many pages there were
   */
  async remove(path: string): Promise<number> {
    const away = join(this.#tmp, randomUUID());
    await mkdir(away, { recursive: true });
    let number = 0;
    // One tree after the other: a page that is confirmed meanwhile comes from the first to the second.
    for await (const root of path === '' ? TREES.map((tree) => join(this.site, tree)) : this.roots(path)) {
      const name = `${(number += 1)}${root.endsWith(PAGE_FILE_MARK) ? PAGE_FILE_MARK : ''}`;
      // Only what is not there any more may be left out; `away` may have been taken for a leftover and removed.
      await unless(['ENOTDIR'], false, put(rename, root, join(away, name)));
    }
    const names = await unless(GONE, [], readdir(away, { recursive: true }));
    // What is left over by a crash is found in `tmp`, like a page that was not finished.
    const deletion = rm(away, { recursive: true, force: true }).catch(() => {});
    this.#deletions.add(deletion);
    void deletion.then(() => this.#deletions.delete(deletion));
    return names.filter((name) => name.endsWith(PAGE_FILE_MARK)).length;
  }

  async close(): Promise<void> {
    await Promise.all(this.#deletions);
  }

  /** On every host and in every variant: the page itself, its queries, and the directory of those below it. */
  private async *roots(path: string): AsyncGenerator<string, void, undefined> {
    const own = [`${basename(path)}?`, `${basename(path)}${PAGE_FILE_MARK}`];
    for (const tree of TREES) {
      const top = join(this.site, tree);
      const hosts = (await namesIn(top)).filter((name) => name.startsWith(PAGE_FILE_MARK));
      for (const directory of ['', ...hosts].map((host) => join(top, host, dirname(path)))) {
        for (const name of await namesIn(directory)) {
          if (name === basename(path) || own.some((begin) => name.startsWith(begin))) yield join(directory, name);
        }
      }
    }
  }
}

function namesIn(directory: string): Promise<string[]> {
  return unless(GONE, [], readdir(directory));
}
