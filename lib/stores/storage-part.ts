import type { PurgeJournal } from './journal/purge-journal.js';
import type { PageStore, PageUse } from './page-store.js';
import { UnsupportedError } from './unsupported.error.js';

/** The pages of the application that one server keeps; usually all of them. A purge is carried out in each part that it may concern. */
export class StoragePart {
  /** @param holds whether a key belongs to this part */
  constructor(
    readonly store: PageStore,
    private readonly prefix: string,
    readonly holds: (key: string) => boolean,
  ) {}

  /** The server, for messages; `undefined` when there is none. */
  get server(): string | undefined {
    return this.store.server;
  }

  get journal(): PurgeJournal {
    return this.store.journal;
  }

  /** @param listener is called when the server answers again */
  onReturn(listener: () => void): void {
    this.store.onReturn?.(listener);
  }

  /** Whether the store can list its pages, so that everything can be purged. */
  get lists(): boolean {
    return this.store.keys !== undefined;
  }

  /** The keys of all pages with one of the tags; of all pages, when the store keeps no tags. */
  tagged(tags: readonly string[]): AsyncIterable<string> {
    return this.store.tagged?.(tags) ?? this.listToPurge();
  }

  /** @returns how many pages existed */
  async delete(keys: readonly string[]): Promise<number> {
    return keys.length === 0 ? 0 : this.store.deletePages(keys);
  }

  /** @returns how many pages existed at and below the path; `undefined` when the store can only delete them one by one */
  async deleteUnder(path: string): Promise<number | undefined> {
    return this.store.deleteUnder?.(path);
  }

  /** The pages that end before a time (Unix time in milliseconds), and which of them are read. */
  uses(before: number): AsyncIterable<PageUse> {
    if (this.store.uses) return this.store.uses(before);
    throw new UnsupportedError('This store does not know which pages are read.');
  }

  /** Every stored key of the site. */
  list(): AsyncIterable<string> {
    return listed(this.store.keys?.(this.prefix));
  }

  /** As `list`, and the pages that are being written at the moment. */
  listToPurge(): AsyncIterable<string> {
    return listed(this.store.keysToPurge?.(this.prefix) ?? this.store.keys?.(this.prefix));
  }
}

function listed(keys: AsyncIterable<string> | undefined): AsyncIterable<string> {
  if (keys) return keys;
  throw new UnsupportedError(
    'This store cannot list its pages: purge them by path, or use memoryStore(), fileStore() or memcachedStore({ servers })',
  );
}
