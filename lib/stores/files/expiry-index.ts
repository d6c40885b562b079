import { readdir, readlink, rmdir, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SITE_DIRECTORIES } from '../../page/page-file.js';
import { GONE, unless } from './file-store.error.js';
import { withDirectory } from './make-directory.js';
import { copyOf, type PageVersion, parseVersion } from './page-version.js';

/** The length of a period, in milliseconds. The entries of all versions that end in the same period are in one directory. */
export const PERIOD = 10_000;

/**
 * Keeps on the disk when each version ends, so that any process can remove what another has stored. An entry is a symbolic link to the directory of
 * a version, under the name of the version.
 */
export class ExpiryIndex {
  readonly #directory: string;

  constructor(site: string) {
    this.#directory = join(site, SITE_DIRECTORIES.expiry);
  }

  /**
   * Adds a version, and its copy, which ends later.
   *
   * @param page the directory of its page, as `pageFile()` gives it
   */
  async add(version: PageVersion, page: string): Promise<void> {
    const target = join('../..', SITE_DIRECTORIES.pages, page, version.name);
    for (const path of entriesOf(version).map((one) => this.path(one))) {
      await withDirectory(dirname(path), () => symlink(target, path));
    }
  }

  /** @returns the directory of the version; `undefined` when another process has dropped the entry */
  async find(version: PageVersion): Promise<string | undefined> {
    const path = this.path(version);
    const target = await unless(GONE, undefined, readlink(path));
    return target && join(dirname(path), target);
  }

  /** Drops what `add` has added. */
  async drop(version: PageVersion): Promise<void> {
    for (const one of entriesOf(version)) await this.dropEntry(one);
  }

  async dropEntry(version: PageVersion): Promise<void> {
    await unless(GONE, undefined, unlink(this.path(version)));
  }

  /** The periods that have entries. */
  async periods(): Promise<number[]> {
    const names = await unless(['ENOENT'], [], readdir(this.#directory));
    return names.map(Number).filter(Number.isSafeInteger);
  }

  async entries(period: number): Promise<PageVersion[]> {
    const names = await unless(['ENOENT'], [], readdir(join(this.#directory, String(period))));
    return names.flatMap((name) => parseVersion(name) ?? []);
  }

  /** Drops a period that is over, unless an entry has been added in the meantime. */
  async close(period: number): Promise<void> {
    await unless(['ENOENT', 'ENOTEMPTY', 'EEXIST'], undefined, rmdir(join(this.#directory, String(period))));
  }

  private path({ expires, name }: PageVersion): string {
    return join(this.#directory, String(Math.floor(expires / PERIOD)), name);
  }
}

function entriesOf(version: PageVersion): readonly PageVersion[] {
  const { stale } = version;
  return stale ? [version, copyOf({ ...version, stale })] : [version];
}
