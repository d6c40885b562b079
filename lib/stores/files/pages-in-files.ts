import { dirname, join } from 'node:path';
import { readdir } from 'node:fs/promises';
import { chunks, slices } from '../../async/chunks.js';
import { keyOfPageFile, PAGE_FILE_MARK, PAGE_LINKS, pageFile, SITE_DIRECTORIES } from '../../page/page-file.js';
import { GZIP_FLAG } from '../../page/page-format.js';
import type { Page } from '../../page/page.js';
import type { PurgeCheck } from '../journal/purge-check.js';
import type { PageDetails } from '../page-details.js';
import type { PageUse, StoreContext } from '../page-store.js';
import { type CommitResult, refused } from '../page-write.js';
import { type StaleCopy, timesOfCopy } from '../stale-copy.js';
import { UnsupportedError } from '../unsupported.error.js';
import { keepsAccessTimes } from './access-times.js';
import { detailsOfFile } from './details-of-file.js';
import { Drafts } from './drafts.js';
import { ExpiryIndex, PERIOD } from './expiry-index.js';
import { ExpiryKeeper } from './expiry-keeper.js';
import type { FileStoreOptions } from './file-store-options.js';
import { FileStoreError, GONE, unless } from './file-store.error.js';
import { BLOCK, Housekeeping } from './housekeeping.js';
import { Leases } from './leases.js';
import { PageCommits, type Rendered } from './page-commits.js';
import { holdsPage, PageDirectories } from './page-directories.js';
import { type PageVersion, writtenAt } from './page-version.js';
import { Removals } from './removals.js';
import { WorkQueue } from '../../async/work-queue.js';

/**
 * How many pages are written at once. Meanwhile they are in memory, packed and unpacked. To write one takes some twenty steps, and while the
 * process renders pages as fast as it can, each step waits for a turn of the event loop: with 4 pages, 11 a second were stored, and with 32 they were 50.
 */
const WRITTEN_TOGETHER = 32;
/** How many more pages may wait to be written. */
const WAITING = 128;
/** How many pages are deleted, or looked at, together. */
const TOGETHER = 64;

const NO_ACCESS_TIMES =
  'nobody can tell which pages are read: mount the file system with relatime, not with noatime, or leave refreshAhead out';

/** The pages of one site, in their files. */
export class PagesInFiles {
  readonly #tmp: string;
  #keepsAccessTimes: boolean | undefined;
  readonly #pages: PageDirectories;
  readonly #index: ExpiryIndex;
  readonly #removals: Removals;
  readonly #drafts: Drafts;
  readonly #keeper: ExpiryKeeper;
  readonly #housekeeping: Housekeeping;
  readonly #commits: PageCommits;
  readonly #queue = new WorkQueue(WRITTEN_TOGETHER, WAITING);

  /** @param tidy is called now and then */
  constructor(
    site: string,
    private readonly options: Required<FileStoreOptions>,
    private readonly context: StoreContext,
    tidy: (now: number) => Promise<void>,
  ) {
    this.#tmp = join(site, SITE_DIRECTORIES.tmp);
    this.#pages = new PageDirectories(site);
    this.#index = new ExpiryIndex(site);
    this.#removals = new Removals(site, this.#pages, this.#index, context.keepsCopies === true);
    this.#drafts = new Drafts(this.#pages, this.#index, this.#removals, context.refreshesAhead === true);
    this.#keeper = new ExpiryKeeper(
      this.#index,
      new Leases(site),
      options.grace,
      (version, page) => this.expire(version, page),
      async (now) => {
        await this.#removals.discardAbandoned(now);
        await tidy(now);
      },
    );
    this.#commits = new PageCommits(this.#pages, this.#drafts, context.maxPageBytes, options.brotli, (version, page) =>
      this.#keeper.watch(version, page),
    );
    this.#housekeeping = new Housekeeping(this.#pages, this.#removals, options.maxBytes);
  }

  get(key: string): Promise<Page | undefined> {
    return this.attempt('read a page', async () => {
      const page = this.directoryOf(key);
      if (page === undefined) return undefined;
      await this.#keeper.ready();
      return this.decoded(key, (coding) => this.#pages.read(page, coding));
    });
  }

  copy(key: string): Promise<StaleCopy | undefined> {
    return this.attempt('read the copy of a page', async () => {
      const directory = this.directoryOf(key);
      const version = directory === undefined ? undefined : this.#pages.copied(directory);
      if (directory === undefined || !version?.stale) return undefined;
      const page = await this.decoded(key, async (coding) => this.#pages.readCopy(directory, version, coding));
      return page && { page, ...timesOfCopy(version.ttl, version.stale, writtenAt(version)) };
    });
  }

  /** Whether there is a page, or a copy of one. */
  async has(key: string): Promise<boolean> {
    const page = this.directoryOf(key);
    return page !== undefined && (await this.#pages.content(page)).links.length > 0;
  }

  /** Whether there is a page for nginx to serve. Synchronous for the same reason as `FileJournal.read()`. */
  isInPlace(key: string): boolean {
    const page = this.directoryOf(key);
    return page !== undefined && this.#pages.isInPlace(page);
  }

  /** Stores a page, unless a purge concerns it. */
  async store(rendered: Rendered, check: PurgeCheck): Promise<CommitResult> {
    return this.attempt('store a page', async () => {
      const directory = this.directoryOf(rendered.key);
      if (directory === undefined) throw new RangeError(`${rendered.key} cannot be the name of a file`);
      await this.#keeper.ready();
      const result = await this.#queue.run(() => this.#commits.commit(directory, rendered, check));
      if (result === undefined) return refused('store-busy');
      if (result.stored) await this.#housekeeping.wrote(sizeOf(rendered));
      return result;
    });
  }

  delete(keys: readonly string[]): Promise<number> {
    return this.attempt('delete pages', async () => {
      let deleted = 0;
      for (const some of slices(keys, TOGETHER)) {
        const pages = some.flatMap((key) => this.directoryOf(key) ?? []);
        const gone = await Promise.all(pages.map((page) => this.#removals.take(this.#pages.path(page))));
        deleted += gone.reduce((sum, one) => sum + one, 0);
      }
      return deleted;
    });
  }

  /** @param path of the uppermost page; '' for the whole site */
  deleteUnder(path: string): Promise<number> {
    return this.attempt('delete pages', async () => {
      if (path === '') return this.#removals.take(this.#pages.top);
      // A path that can have no page has none below it either.
      if (this.directoryOf(this.context.prefix + path) === undefined) return 0;
      let deleted = 0;
      for await (const directory of this.subtree(path)) deleted += await this.#removals.take(directory);
      return deleted;
    });
  }

  async *tagged(tags: ReadonlySet<string>): AsyncGenerator<string, void, undefined> {
    for await (const some of chunks(this.#pages.list(), TOGETHER)) {
      const tagged = await Promise.all(some.map((page) => this.#pages.isTagged(page, tags)));
      for (const [index, page] of some.entries()) if (tagged[index]) yield keyOfPageFile(page, this.context.prefix);
    }
  }

  async *keys(prefix: string): AsyncGenerator<string, void, undefined> {
    for await (const some of chunks(this.keysToPurge(prefix), TOGETHER)) {
      const isThere = await Promise.all(some.map((key) => this.isThere(key)));
      yield* some.filter((_, index) => isThere[index]);
    }
  }

  /** Finds the pages by the expiry index, so it looks only at those that end in time. */
  async *uses(before: number): AsyncGenerator<PageUse, void, undefined> {
    if (!(await this.knowsReads())) throw new UnsupportedError(`fileStore: ${NO_ACCESS_TIMES}`);
    for (const period of await this.#index.periods()) {
      if (period * PERIOD > before) continue;
      const ending = (await this.#index.entries(period)).filter(({ ttl, expires }) => ttl > 0 && expires <= before);
      for (const some of slices(ending, TOGETHER)) {
        const uses = await Promise.all(some.map((version) => this.useOf(version)));
        for (const use of uses) if (use) yield use;
      }
    }
  }

  async details(keys: readonly string[]): Promise<(PageDetails | undefined)[]> {
    const knowsReads = await this.knowsReads();
    const details: (PageDetails | undefined)[] = [];
    for (const some of slices(keys, TOGETHER)) {
      const found = some.map(async (key) => {
        const page = this.directoryOf(key);
        return page === undefined ? undefined : detailsOfFile(this.#pages, page, knowsReads);
      });
      details.push(...(await Promise.all(found)));
    }
    return details;
  }

  private async knowsReads(): Promise<boolean> {
    return (this.#keepsAccessTimes ??= await keepsAccessTimes(this.#tmp));
  }

  /** Includes drafts: a draft that the purge does not find would come to its place. */
  async *keysToPurge(prefix: string): AsyncGenerator<string, void, undefined> {
    for await (const page of this.#pages.list()) {
      const key = keyOfPageFile(page, this.context.prefix);
      if (key.startsWith(prefix)) yield key;
    }
  }

  async close(): Promise<void> {
    await this.#keeper.close();
    await this.#removals.close();
  }

  private async decoded(
    key: string,
    read: (coding: '' | '.gz') => Promise<Buffer | undefined>,
  ): Promise<Page | undefined> {
    const packed = this.context.compress ? await read('.gz') : undefined;
    const bytes = packed ?? (await read(''));
    return bytes && this.context.format.decode({ bytes, flags: packed ? GZIP_FLAG : 0 }, key);
  }

  /**
   * Removes a version whose time is over, whether it has come to its place or not.
   *
   * @param stored the directory of its page, if this process has stored it. Then the index is not asked: a process that looked there before the
   *   version had a directory has dropped the entry
   */
  private async expire(version: PageVersion, stored?: string): Promise<void> {
    const directory = stored === undefined ? await this.#index.find(version) : this.#pages.path(stored, version.name);
    if (directory === undefined) return;
    const page = dirname(directory).slice(this.#pages.top.length);
    if (version.ttl === 0 && (await this.#pages.current(page, PAGE_LINKS.kept)) === version.name) {
      return this.#index.drop(version);
    }
    // Its copy has an entry of its own.
    if (version.stale && !(await this.#drafts.end(directory))) {
      await this.#removals.takeBody(directory);
      return this.#index.dropEntry(version);
    }
    await this.#removals.takeVersion(directory);
    await this.#removals.tidy(page);
  }

  /** @returns `undefined` for a draft, and for the copy of a page */
  private async useOf(version: PageVersion): Promise<PageUse | undefined> {
    const directory = await this.#index.find(version);
    if (directory === undefined) return undefined;
    const page = dirname(directory).slice(this.#pages.top.length);
    if ((await this.#pages.current(page, PAGE_LINKS.expiring)) !== version.name) return undefined;
    const isRead = await this.#pages.isRead(page, version);
    return { key: keyOfPageFile(page, this.context.prefix), expires: version.expires, isRead };
  }

  /** The directories of the page itself, of its queries, and of the pages below it, on every host and in every variant. */
  private async *subtree(path: string): AsyncGenerator<string, void, undefined> {
    const names = await namesIn(this.#pages.top);
    const hosts = names.filter((name) => name.startsWith(PAGE_FILE_MARK));
    const name = path.slice(path.lastIndexOf('/') + 1);
    const own = [`${name}?`, `${name}${PAGE_FILE_MARK}`];
    for (const directory of ['', ...hosts].map((host) => join(this.#pages.top, host, dirname(path)))) {
      for (const one of await namesIn(directory)) {
        if (one === name || own.some((begin) => one.startsWith(begin))) yield join(directory, one);
      }
    }
  }

  private async isThere(key: string): Promise<boolean> {
    const page = this.directoryOf(key);
    return page !== undefined && holdsPage(await this.#pages.content(page));
  }

  private directoryOf(key: string): string | undefined {
    return pageFile(key, this.context.prefix);
  }

  private async attempt<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw new FileStoreError(what, this.options.root, error);
    }
  }
}

/**
 * How many bytes a page takes on the disk, at most: two directories of its own, those above it (which may exist already), and for a packed page its
 * unpacked form as well.
 */
function sizeOf({ key, page: { body, contentEncoding } }: Rendered): number {
  return (2 + key.split('/').length) * BLOCK + body.length * (contentEncoding === undefined ? 1 : 4);
}

function namesIn(directory: string): Promise<string[]> {
  return unless(GONE, [], readdir(directory));
}
