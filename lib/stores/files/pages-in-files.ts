import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { keyOfPageFile, pageFile } from '../../page/page-file.js';
import { GZIP_FLAG } from '../../page/page-format.js';
import type { Page } from '../../page/page.js';
import { chunks, slices } from '../../async/chunks.js';
import type { StoreContext } from '../page-store.js';
import { FileStoreError } from './file-store.error.js';
import type { FileStoreOptions } from './file-store-options.js';
import { KeyQueues } from '../../async/key-queues.js';
import { PageExpiries } from './page-expiries.js';
import { ModificationTimes } from './modification-times.js';
import { type Contents, PageFiles, type Tree, TREES } from './page-files.js';
import { SizeLimit } from './size-limit.js';
import { Subtrees } from './subtrees.js';

const gunzip = promisify(zlib.gunzip);
const brotliCompress = promisify(zlib.brotliCompress);

/** So many pages are deleted together. */
const TOGETHER = 64;
/** What a file takes on most file systems is a multiple of it, in bytes. */
const BLOCK = 4096;
/** Stands for the draft of a page that has long been placed. */
const CONFIRMED = '-';

/** The pages of one site, in their files. */
export class PagesInFiles {
  readonly #files: PageFiles;
  readonly #expiries: PageExpiries;
  readonly #limit: SizeLimit;
  readonly #subtrees: Subtrees;
  readonly #times = new ModificationTimes();
  readonly #queues = new KeyQueues();

  constructor(
    site: string,
    private readonly options: Required<FileStoreOptions>,
    private readonly context: StoreContext,
  ) {
    this.#files = new PageFiles(site, options.brotli ? ['.gz', '.br'] : ['.gz']);
    this.#expiries = new PageExpiries(site, this.#files, context.prefix, options.grace);
    this.#limit = new SizeLimit(this.#files, options.maxBytes, async (file) => {
      await this.deletePages([keyOfPageFile(file, context.prefix)]);
    });
    this.#subtrees = new Subtrees(site);
  }

  get(key: string): Promise<Page | undefined> {
    return this.attempt('read a page', async () => {
      const file = pageFile(key, this.context.prefix);
      if (file === undefined) return undefined;
      await this.#expiries.ready();
      const found = await this.found(file);
      if (!found) return undefined;
      const packed = this.context.compress ? await this.#files.read(found.tree, file, '.gz') : undefined;
      const bytes = packed ?? (await this.#files.read(found.tree, file, ''));
      return bytes && this.context.format.decode({ bytes, flags: packed ? GZIP_FLAG : 0 });
    });
  }

  /** @param expires Unix time in milliseconds; `undefined` = never */
  async set(key: string, page: Page, expires: number | undefined): Promise<void> {
    await this.store(key, page, expires, async () => true);
  }

  /** Stores a page in the place of a version, unless another has come to it. */
  replace(key: string, page: Page, expires: number, version: string | undefined): Promise<string | undefined> {
    return this.store(key, page, expires, async (file) => (await this.found(file))?.version === version);
  }

  /**
   * Gives a version of a page that was stored for a moment its time. If other processes have stored the page meanwhile and some of
   * its forms are theirs, it is removed.
   */
  confirm(key: string, expires: number | undefined, version: string): Promise<void> {
    return this.work('confirm a page', key, async (file) => {
      if ((await this.found(file))?.version !== version) await this.#files.removeVersion(file, version);
      else if (expires === undefined) {
        await this.#files.keep(file, version);
        await this.#expiries.forget(key);
      } else {
        const entry = await this.#expiries.add({ key, expires, draft: CONFIRMED, version });
        await this.#expiries.remember(key, entry);
      }
    });
  }

  /** Deletes a version of a page. */
  withdraw(key: string, version: string): Promise<void> {
    return this.work('delete a page', key, async (file) => {
      const found = await this.found(file);
      await this.#files.removeVersion(file, version);
      if (found?.version === version) await this.#expiries.forget(key);
    });
  }

  async version(key: string): Promise<string | undefined> {
    const file = pageFile(key, this.context.prefix);
    return file === undefined ? undefined : (await this.found(file))?.version;
  }

  delete(keys: readonly string[]): Promise<number> {
    return this.attempt('delete pages', () => this.deletePages(keys));
  }

  deleteUnder(path: string): Promise<number> {
    return this.attempt('delete pages', async () => {
      // Where no page can be, none is below either.
      if (path !== '' && pageFile(this.context.prefix + path, this.context.prefix) === undefined) return 0;
      // From before: what is stored meanwhile stays.
      const entries = this.#expiries.below(path);
      const removed = await this.#subtrees.remove(path);
      this.#expiries.forgetAll(entries);
      return removed;
    });
  }

  async *tagged(tags: ReadonlySet<string>): AsyncGenerator<string, void, undefined> {
    for await (const some of chunks(this.#files.list(), TOGETHER)) {
      const tagged = await Promise.all(some.map(({ tree, file }) => this.#files.isTagged(tree, file, tags)));
      for (const [index, { file }] of some.entries()) {
        if (tagged[index]) yield keyOfPageFile(file, this.context.prefix);
      }
    }
  }

  async *keys(prefix: string): AsyncGenerator<string, void, undefined> {
    await this.attempt('list pages', () => this.#expiries.ready());
    for await (const { file } of this.#files.list()) {
      const key = keyOfPageFile(file, this.context.prefix);
      if (key.startsWith(prefix)) yield key;
    }
  }

  async close(): Promise<void> {
    await this.#expiries.close();
    await this.#subtrees.close();
  }

  private async store(
    key: string,
    page: Page,
    expires: number | undefined,
    mayReplace: (file: string) => Promise<boolean>,
  ): Promise<string | undefined> {
    const stored = await this.work('store a page', key, async (file) => {
      await this.#expiries.ready();
      try {
        const contents = await this.contentsOf(page);
        const version = await this.write(key, file, { contents, tags: page.tags ?? [] }, expires, mayReplace);
        return { version, bytes: [...contents.values()].reduce((sum, { length }) => sum + blocks(length), 0) };
      } catch (error) {
        // Were the new page refused, the old one must not stay.
        await Promise.all(TREES.map((tree) => this.#files.remove(tree, file).catch(() => {})));
        throw error;
      }
    });
    if (stored.version !== undefined) await this.attempt('make room', () => this.#limit.wrote(stored.bytes));
    return stored.version;
  }

  private async found(file: string): Promise<{ tree: Tree; version: string } | undefined> {
    for (const tree of TREES) {
      const version = await this.#files.version(tree, file);
      if (version !== undefined) return { tree, version };
    }
    return undefined;
  }

  private async contentsOf({ body, contentEncoding }: Page): Promise<Contents> {
    if (contentEncoding !== 'gzip') return new Map([['', body]]);
    const plain = await gunzip(body, { maxOutputLength: this.context.maxPageBytes });
    return new Map([
      ['', plain],
      ['.gz', body],
      ...(this.options.brotli ? [['.br', await brotliCompress(plain)] as const] : []),
    ]);
  }

  private async write(
    key: string,
    file: string,
    { contents, tags }: { contents: Contents; tags: readonly string[] },
    expires: number | undefined,
    mayReplace: (file: string) => Promise<boolean>,
  ): Promise<string | undefined> {
    const draft = randomUUID();
    const [tree, other]: [Tree, Tree] = expires === undefined ? ['kept', 'expiring'] : ['expiring', 'kept'];
    try {
      const present = await Promise.all(TREES.map((one) => this.#files.modified(one, file)));
      const modified = this.#times.next(key, Math.floor(Date.now() / 1000), present);
      const version = await this.#files.write(draft, contents, modified, tags);
      // As late as can be: what comes in between is replaced.
      if (!(await mayReplace(file))) {
        await this.#files.discard(draft);
        return undefined;
      }
      // First of all: killed from here on, this process leaves no page behind that nobody will remove.
      const entry = expires === undefined ? undefined : await this.#expiries.add({ key, expires, draft, version });
      // Not placed: it ended before it was written, and the sweep has taken the draft.
      await this.#files.place(draft, contents, tree, file);
      await this.#files.remove(other, file);
      await (entry ? this.#expiries.remember(key, entry) : this.#expiries.forget(key));
      return version;
    } catch (error) {
      await this.#files.discard(draft).catch(() => {});
      throw error;
    }
  }

  private async deletePages(keys: readonly string[]): Promise<number> {
    let deleted = 0;
    for (const some of slices(keys, TOGETHER)) {
      const gone = await Promise.all(some.map((key) => this.#queues.run(key, () => this.deletePage(key))));
      deleted += gone.filter(Boolean).length;
      const files = some.flatMap((key) => pageFile(key, this.context.prefix) ?? []);
      await Promise.all(TREES.map((tree) => this.#files.prune(tree, files)));
    }
    return deleted;
  }

  private async deletePage(key: string): Promise<boolean> {
    const file = pageFile(key, this.context.prefix);
    if (file === undefined) return false;
    // In this order: a page that is confirmed meanwhile comes from the first to the second.
    const expiring = await this.#files.remove('expiring', file);
    const kept = await this.#files.remove('kept', file);
    await this.#expiries.forget(key);
    return expiring || kept;
  }

  /** One after the other for each key. */
  private work<T>(what: string, key: string, work: (file: string) => Promise<T>): Promise<T> {
    return this.attempt(what, async () => {
      const file = pageFile(key, this.context.prefix);
      if (file === undefined) throw new RangeError(`${key} cannot be the name of a file`);
      return this.#queues.run(key, () => work(file));
    });
  }

  private async attempt<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw new FileStoreError(what, this.options.root, error);
    }
  }
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK) * BLOCK;
}
