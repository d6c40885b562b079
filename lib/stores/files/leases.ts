import { readdir, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SITE_DIRECTORIES } from '../../page/page-file.js';
import { unless } from './file-store.error.js';
import { withDirectory } from './make-directory.js';

/** Seconds that a link outlives its own, for clocks that differ a little. */
const PAST = 2;

/**
 * The seconds in which nginx may serve pages with a ttl. It looks for them below `live/<this second>`, a symbolic link to
 * where they are; without the link there is nothing to serve.
 */
export class Leases {
  readonly #directory: string;

  constructor(site: string) {
    this.#directory = join(site, SITE_DIRECTORIES.live);
  }

  /**
   * @param now Unix time in milliseconds
   * @param length how long from now, in milliseconds
   */
  async renew(now: number, length: number): Promise<void> {
    const first = Math.floor(now / 1000);
    const last = Math.floor((now + length) / 1000);
    const present = new Set(await withDirectory(this.#directory, () => readdir(this.#directory)));
    for (let second = first; second <= last; second += 1) {
      if (present.has(String(second))) continue;
      // Relative: nginx may see the root elsewhere, in a container of its own.
      await unless(['EEXIST'], undefined, symlink(join('..', SITE_DIRECTORIES.pages), this.path(second)));
    }
    for (const name of present) {
      if (Number(name) < first - PAST) await unless(['ENOENT'], undefined, unlink(this.path(name)));
    }
  }

  private path(second: number | string): string {
    return join(this.#directory, String(second));
  }
}
