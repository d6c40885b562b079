import { mkdir, readdir, readlink, rmdir, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PAGE_FILE_MARK, SITE_DIRECTORIES } from '../../page/page-file.js';
import { unless } from './file-store.error.js';

/** That a version of a page ends. */
export interface Expiry {
  readonly key: string;
  /** Unix time in milliseconds. */
  readonly expires: number;
  /** The name under which it was written. */
  readonly draft: string;
  readonly version: string;
}

/** A stored expiry, not yet read. */
export interface ExpiryEntry {
  readonly path: string;
  readonly key: string;
  readonly expires: number;
}

/** Stands for "/" in the names here: no key holds it, and a name stays as short as its key. */
const SLASH = '\\';

/**
 * What ends when, on the disk, so that any process can remove what another has stored: a directory for each second, with
 * one symbolic link for each page. Its name is the rest of the time and the key, its target the version of the page; a link
 * comes into being with its content or not at all.
 */
export class ExpiryIndex {
  readonly #directory: string;

  constructor(site: string) {
    this.#directory = join(site, SITE_DIRECTORIES.expiry);
  }

  async add({ key, expires: end, draft, version }: Expiry): Promise<ExpiryEntry> {
    for (let expires = end; ;) {
      const directory = join(this.#directory, String(Math.floor(expires / 1000)));
      const path = join(directory, nameOf(key, expires));
      const problem = await symlink(`${draft}/${version}`, path).catch((error: NodeJS.ErrnoException) => error);
      if (problem === undefined) return { path, key, expires };
      // A sweep may take the directory away again.
      if (problem.code === 'ENOENT') await mkdir(directory, { recursive: true });
      // Another version of the page, which is to be replaced but still there.
      else if (problem.code === 'EEXIST') expires -= 1;
      else throw problem;
    }
  }

  /** The seconds that have entries. */
  async seconds(): Promise<number[]> {
    const names = await unless(['ENOENT'], [], readdir(this.#directory));
    return names.map(Number).filter(Number.isSafeInteger);
  }

  async entries(second: number): Promise<ExpiryEntry[]> {
    const directory = join(this.#directory, String(second));
    const names = await unless(['ENOENT'], [], readdir(directory));
    return names.flatMap((name) => {
      const mark = name.indexOf(PAGE_FILE_MARK);
      const key = name.slice(mark + 1).replaceAll(SLASH, '/');
      return mark < 0
        ? []
        : [{ path: join(directory, name), key, expires: second * 1000 + Number(name.slice(0, mark)) }];
    });
  }

  /** Every entry. Those that come and go meanwhile may be among them or not. */
  async *all(): AsyncGenerator<ExpiryEntry, void, undefined> {
    for (const second of await this.seconds()) yield* await this.entries(second);
  }

  /** @returns `undefined` when another process has dealt with it */
  async read(path: string): Promise<{ draft: string; version: string } | undefined> {
    const target = await unless(['ENOENT'], undefined, readlink(path));
    const [draft, version] = target?.split('/') ?? [];
    return draft && version ? { draft, version } : undefined;
  }

  async remove(path: string): Promise<void> {
    await unless(['ENOENT'], undefined, unlink(path));
  }

  /** Drops a second that is over, unless something has been added meanwhile. */
  async drop(second: number): Promise<void> {
    const codes = ['ENOENT', 'ENOTEMPTY', 'EEXIST'];
    await unless(codes, undefined, rmdir(join(this.#directory, String(second))));
  }
}

function nameOf(key: string, expires: number): string {
  return `${expires % 1000}${PAGE_FILE_MARK}${key.replaceAll('/', SLASH)}`;
}
