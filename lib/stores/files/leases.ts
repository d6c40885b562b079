import { readdir, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { LEASE, SITE_DIRECTORIES } from '../../page/page-file.js';
import { unless } from './file-store.error.js';
import { withDirectory } from './make-directory.js';

/** How many seconds a link outlives its own second, for clocks that differ a little. */
const PAST = 2;

/**
 * The seconds in which nginx may serve pages with a ttl. nginx looks for these pages below `live-<this second>`, a symbolic link to their
 * directory. Without the link it finds none.
 */
export class Leases {
  constructor(private readonly site: string) {}

  /**
   * @param now Unix time in milliseconds
   * @param length how long from now, in milliseconds
   */
  async renew(now: number, length: number): Promise<void> {
    const first = Math.floor(now / 1000);
    const last = Math.floor((now + length) / 1000);
    const names = await withDirectory(this.site, () => readdir(this.site));
    const present = new Set(
      names.filter((name) => name.startsWith(LEASE)).map((name) => Number(name.slice(LEASE.length))),
    );
    for (let second = first; second <= last; second += 1) {
      if (present.has(second)) continue;
      // Relative: nginx may see the root elsewhere, in a container of its own.
      await unless(['EEXIST'], undefined, symlink(SITE_DIRECTORIES.pages, this.path(second)));
    }
    for (const second of present) {
      // Links in the future come from a clock that has been set back.
      if (second < first - PAST || second > last + PAST) await unless(['ENOENT'], undefined, unlink(this.path(second)));
    }
  }

  private path(second: number): string {
    return join(this.site, `${LEASE}${second}`);
  }
}
