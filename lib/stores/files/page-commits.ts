import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Page } from '../../page/page.js';
import type { StaleTimes } from '../../page/stale-times.js';
import type { PurgeCheck } from '../journal/purge-check.js';
import { type CommitResult, refused, storedInPlace } from '../page-write.js';
import type { Drafts } from './drafts.js';
import { ModificationTimes } from './modification-times.js';
import type { Contents, PageDirectories } from './page-directories.js';
import { newVersion, type PageVersion, writtenAt } from './page-version.js';

const gunzip = promisify(zlib.gunzip);
const brotliCompress = promisify(zlib.brotliCompress);

/** A rendered page that is to be stored. */
export interface Rendered {
  readonly key: string;
  readonly page: Page;
  readonly tags: ReadonlySet<string>;
  /** In milliseconds; 0 = until purged. */
  readonly ttl: number;
  /** For how long a copy outlives the page. */
  readonly stale: StaleTimes | undefined;
}

/** Stores pages: writes a draft, asks the journal, and puts the draft in its place. */
export class PageCommits {
  readonly #times = new ModificationTimes();

  /**
   * @param brotli whether pages are packed with Brotli as well
   * @param onStored is given each version that has come to its place, and the directory of its page
   */
  constructor(
    private readonly pages: PageDirectories,
    private readonly drafts: Drafts,
    private readonly maxPageBytes: number,
    private readonly brotli: boolean,
    private readonly onStored: (version: PageVersion, page: string) => void,
  ) {}

  async commit(directory: string, { key, page, tags, ttl, stale }: Rendered, check: PurgeCheck): Promise<CommitResult> {
    const contents = await this.contentsOf(page);
    const { versions } = await this.pages.content(directory);
    // If the content is the same, the date stays the same: to browsers this is still the same version.
    const same = versions.length > 0 ? await this.pages.sameVersion(directory, contents) : undefined;
    const modified = same?.modified ?? this.modified(key, versions);
    const version = newVersion({ modified, ttl, tagged: tags.size > 0, stale });
    // Both versions will be the same files, which start unread.
    const wasSameRead = same !== undefined && (await this.drafts.wasRead(directory, same));
    const place = async () => {
      const isWritten = await this.drafts.write(directory, version, contents, tags, same);
      // A purge that is written down from now on finds the draft.
      const verdict = await check.ask(tags);
      if (verdict !== undefined) return refused(verdict);
      const placed = isWritten ? await this.drafts.place(directory, version) : undefined;
      return placed ? storedInPlace(wasSameRead || placed.wasRead) : refused('evicted');
    };
    const result = await place().catch(async (error: unknown) => {
      await this.drafts.discard(directory, version).catch(() => {});
      throw error;
    });
    if (result.stored) this.onStored(version, directory);
    else await this.drafts.discard(directory, version).catch(() => {});
    return result;
  }

  /** @param versions the versions of the page on the disk */
  private modified(key: string, versions: readonly PageVersion[]): number {
    const now = Math.floor(Date.now() / 1000);
    // Another process may have stored more than one version within this second.
    const latest = Math.min(
      now,
      ...versions.filter((one) => writtenAt(one) >= now * 1000).map((one) => one.modified - 1),
    );
    const taken = versions.map((one) => one.modified);
    return this.#times.next(key, latest, taken);
  }

  private async contentsOf({ body, contentEncoding }: Page): Promise<Contents> {
    if (contentEncoding !== 'gzip') return new Map([['', body]]);
    const plain = await gunzip(body, { maxOutputLength: this.maxPageBytes });
    return new Map([
      ['', plain],
      ['.gz', body],
      ...(this.brotli ? [['.br', await brotliCompress(plain)] as const] : []),
    ]);
  }
}
