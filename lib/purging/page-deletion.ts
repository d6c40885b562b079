import { chunks } from '../async/chunks.js';
import type { PageAddress, PageKeys } from '../page/page-key.js';
import { concerns, type PathsScope, type PurgeScope } from '../stores/journal/purge-scope.js';
import type { PageStorage } from '../stores/page-storage.js';
import type { StoragePart } from '../stores/storage-part.js';
import { everyKey, pagesToPurge } from '../stores/stored-pages.js';

/** How many listed pages are deleted at once. */
const BATCH = 1000;

/** Which pages a purge takes on one server, and their deletion. */
export class PageDeletion {
  /** @param allowsQueries whether a path can have pages with a query */
  constructor(
    private readonly allowsQueries: boolean,
    private readonly keys: PageKeys,
    private readonly storage: PageStorage,
  ) {}

  /** The keys of all pages that the purge takes; `undefined` when only a list of the stored pages can tell. */
  keysOf(scope: PurgeScope): string[] | undefined {
    switch (scope.kind) {
      case 'targets':
        return scope.targets.flatMap((exact) => this.keys.at(exact)).map(({ key }) => key);
      case 'paths':
        return this.allowsQueries ? undefined : this.plainKeys(scope);
      default:
        return undefined;
    }
  }

  /** @returns how many pages there were */
  async carryOut(part: StoragePart, scope: PurgeScope): Promise<number> {
    switch (scope.kind) {
      case 'targets':
        return part.delete(this.keysOn(part, this.keysOf(scope)!));
      case 'tags':
        return this.deleteEach(part, part.tagged(scope.tags));
      case 'paths':
        return this.deletePaths(part, scope);
      case 'all':
        return this.everything(part);
      case 'under':
        return (await part.deleteUnder(scope.path)) ?? this.deleteConcerned(part, scope);
      case 'matching':
        return this.deleteConcerned(part, scope);
    }
  }

  /** Also deletes what was stored with other options. */
  async everything(part: StoragePart): Promise<number> {
    return (await part.deleteUnder('')) ?? this.deleteEach(part, everyKey(part, this.keys.prefix));
  }

  /** Deletes the pages that belong to other servers. */
  misplaced(part: StoragePart): Promise<number> {
    return this.deleteEach(part, this.keysOfOthers(part));
  }

  private async *keysOfOthers(part: StoragePart): AsyncGenerator<string, void, undefined> {
    for await (const key of everyKey(part, this.keys.prefix)) if (!part.holds(key)) yield key;
  }

  private deleteConcerned(part: StoragePart, scope: PurgeScope): Promise<number> {
    return this.deleteListed(part, (page) => concerns(scope, page));
  }

  private async deletePaths(part: StoragePart, scope: PathsScope): Promise<number> {
    const purged = await part.delete(this.keysOn(part, this.plainKeys(scope)));
    if (!this.allowsQueries) return purged;
    return purged + (await this.deleteListed(part, (page) => page.target !== page.path && concerns(scope, page)));
  }

  private keysOn(part: StoragePart, keys: readonly string[]): readonly string[] {
    return this.storage.isOtherList ? keys : keys.filter(part.holds);
  }

  /** The keys of the pages without a query. */
  private plainKeys({ paths }: PathsScope): string[] {
    return [...new Set(paths.flatMap(({ path, host }) => this.keys.ofForm(path, host).map(({ key }) => key)))];
  }

  private async deleteListed(part: StoragePart, concerned: (address: PageAddress) => boolean): Promise<number> {
    return this.deleteEach(part, this.listed(part, concerned));
  }

  private async *listed(
    part: StoragePart,
    concerned: (address: PageAddress) => boolean,
  ): AsyncGenerator<string, void, undefined> {
    for await (const page of pagesToPurge(part, this.keys)) if (concerned(page)) yield page.key;
  }

  private async deleteEach(part: StoragePart, keys: AsyncIterable<string>): Promise<number> {
    let purged = 0;
    for await (const some of chunks(keys, BATCH)) purged += await part.delete(some);
    return purged;
  }
}
