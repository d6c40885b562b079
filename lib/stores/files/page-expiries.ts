import { pageFile } from '../../page/page-file.js';
import { slices } from '../../async/chunks.js';
import { type Expiry, type ExpiryEntry, ExpiryIndex } from './expiry-index.js';
import { ExpiryKeeper } from './expiry-keeper.js';
import { Leases } from './leases.js';
import type { PageFiles } from './page-files.js';

/** What is being written for so long is not being written any more, in milliseconds. */
const ABANDONED = 600_000;
/** So many entries are looked at together. */
const TOGETHER = 16;
/** So many entries are looked at whenever there is tidied up. */
const LOOKED_AT = 1024;

/** Sees to it that versions of pages end, and that what is written down about it goes with them. */
export class PageExpiries {
  readonly #index: ExpiryIndex;
  readonly #keeper: ExpiryKeeper;
  /** The entries that this process has made, by key: what is replaced needs none. */
  readonly #own = new Map<string, ExpiryEntry>();
  readonly #forgetting = new Set<Promise<void>>();
  /** A walk over the entries of all processes, some of them each time. */
  #walk: AsyncGenerator<ExpiryEntry, void, undefined> | undefined;

  /** @param grace how long nginx may go on without this process, in milliseconds */
  constructor(
    site: string,
    private readonly files: PageFiles,
    private readonly prefix: string,
    grace: number,
  ) {
    this.#index = new ExpiryIndex(site);
    this.#keeper = new ExpiryKeeper(
      this.#index,
      new Leases(site),
      grace,
      (entry) => this.expire(entry),
      (now) => this.tidy(now),
    );
  }

  /** Rejects while pages cannot be removed in time. */
  ready(): Promise<void> {
    return this.#keeper.ready();
  }

  /** Writes down that a version ends. */
  add(expiry: Expiry): Promise<ExpiryEntry> {
    return this.#index.add(expiry);
  }

  /** A version has come to its place, and what was known of the one before is not needed any more. */
  async remember(key: string, entry: ExpiryEntry): Promise<void> {
    await this.forget(key);
    this.#own.set(key, entry);
    this.#keeper.watch(entry);
  }

  /** The page has gone. */
  async forget(key: string): Promise<void> {
    const entry = this.#own.get(key);
    if (entry) await this.drop(entry);
  }

  /** Pages have gone, maybe very many: nobody waits. */
  forgetAll(entries: readonly ExpiryEntry[]): void {
    const forgetting = this.lookAt(entries, (entry) => this.drop(entry)).catch(() => {});
    this.#forgetting.add(forgetting);
    void forgetting.then(() => this.#forgetting.delete(forgetting));
  }

  /** What this process has written down of the pages at and below a path, on every host and in every variant. */
  below(path: string): ExpiryEntry[] {
    return [...this.#own.values()].filter(({ key }) => {
      const target = key.slice(key.indexOf('/', this.prefix.length));
      return target.startsWith(path) && ['', '/', '?'].includes(target.charAt(path.length));
    });
  }

  async close(): Promise<void> {
    await this.#keeper.close();
    await Promise.all(this.#forgetting);
  }

  /** Removes a version of a page whose time is over: where it is served, and where it is still being written. */
  private async expire(entry: ExpiryEntry): Promise<void> {
    const expiry = await this.#index.read(entry.path);
    const file = pageFile(entry.key, this.prefix);
    if (expiry && file !== undefined) {
      // First: afterwards nothing more of it comes to its place.
      await this.files.discard(expiry.draft);
      await this.files.removeVersion(file, expiry.version);
    }
    await this.drop(entry);
  }

  private async tidy(now: number): Promise<void> {
    await this.files.discardAbandoned(now - ABANDONED);
    const walk = (this.#walk ??= this.#index.all());
    const some: ExpiryEntry[] = [];
    while (some.length < LOOKED_AT) {
      const { done, value } = await walk.next();
      if (done) {
        this.#walk = undefined;
        break;
      }
      some.push(value);
    }
    await this.lookAt(some, async (entry) => {
      const expiry = await this.#index.read(entry.path);
      const file = pageFile(entry.key, this.prefix);
      const exists = expiry && file !== undefined && (await this.files.exists(expiry.draft, file, expiry.version));
      if (!exists) await this.drop(entry);
    });
    // Another process may have removed the page, and the entry with it.
    for (const [key, { expires }] of this.#own) if (expires < now) this.#own.delete(key);
    await this.lookAt([...this.#own.values()].slice(0, LOOKED_AT), async (entry) => {
      const exists = await this.#index.read(entry.path);
      if (this.#own.get(entry.key) !== entry) return;
      this.#own.delete(entry.key);
      // To the end: others first next time.
      if (exists) this.#own.set(entry.key, entry);
    });
  }

  private async lookAt(entries: readonly ExpiryEntry[], look: (entry: ExpiryEntry) => Promise<void>): Promise<void> {
    for (const some of slices(entries, TOGETHER)) await Promise.all(some.map(look));
  }

  private async drop({ path, key }: ExpiryEntry): Promise<void> {
    if (this.#own.get(key)?.path === path) this.#own.delete(key);
    await this.#index.remove(path);
  }
}
