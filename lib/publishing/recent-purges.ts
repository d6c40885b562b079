import { isRefresh, type PurgeScope } from '../stores/journal/purge-scope.js';
import type { PageStorage } from '../stores/page-storage.js';
import type { StoragePart } from '../stores/storage-part.js';

/** What was purged lately, by any process. */
export class RecentPurges {
  /** How far each journal has been read; absent for a journal that was not read yet. */
  readonly #positions = new WeakMap<StoragePart, number>();
  #last: readonly PurgeScope[] = [];

  constructor(private readonly storage: Pick<PageStorage, 'parts'>) {}

  /**
   * @returns the purges that the previous call has found: by now, their pages are deleted. Journals that cannot be read add nothing
   */
  async next(): Promise<readonly PurgeScope[]> {
    const last = this.#last;
    const found = await Promise.all(this.storage.parts.map((part) => this.read(part)));
    this.#last = found.flat();
    return last;
  }

  private async read(part: StoragePart): Promise<readonly PurgeScope[]> {
    const { journal } = part;
    try {
      await journal.catchUp();
    } catch {
      return [];
    }
    const { window } = journal;
    const position = this.#positions.get(part);
    this.#positions.set(part, window.position);
    const entries = position === undefined ? undefined : window.since(position);
    return (entries ?? []).map(({ scope }) => scope).filter((scope) => !isRefresh(scope));
  }
}
