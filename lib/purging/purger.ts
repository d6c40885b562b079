import { Inject, Injectable } from '@nestjs/common';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed, PagesPurged } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import { rawPath } from '../rules/request-head.js';
import { chunks } from '../async/chunks.js';
import { PageStorage } from '../stores/page-storage.js';
import { everyKey, pagesToPurge } from '../stores/stored-pages.js';
import { UnsupportedError } from '../stores/unsupported.error.js';
import { PendingPurges } from './pending-purges.js';
import { type PurgeReport, PurgeIncompleteError, together } from './purge-report.js';
import {
  concerns,
  describe,
  type ExactTarget,
  type PathsScope,
  type PurgeScope,
  sizeOf,
} from '../stores/journal/purge-scope.js';
import { CacheableScope } from './cacheable-scope.js';
import type { ExactPage } from './exact-page.js';
import type { TargetPath } from './purge-target.js';

/** How many listed pages are deleted at once. */
const BATCH = 1000;

/** Deletes pages, those that are being rendered included. */
@Injectable()
export class Purger {
  readonly #cacheable: CacheableScope;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(PendingPurges) private readonly pending: PendingPurges,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {
    this.#cacheable = new CacheableScope(options.rules, keys);
  }

  /** Every form, host, variant and allowed query of the paths, and what is below those that are subtrees. */
  paths(targets: readonly TargetPath[]): Promise<PurgeReport> {
    const subtrees = targets
      .filter(({ isSubtree }) => isSubtree)
      .map(({ path }): PurgeScope => ({ kind: 'under', path }));
    return this.all([this.scopeOf(targets.filter(({ isSubtree }) => !isSubtree)), ...subtrees]);
  }

  /** One report of several purges: one that fails keeps no other from being done. */
  async all(scopes: readonly PurgeScope[]): Promise<PurgeReport> {
    return together(await Promise.allSettled(scopes.map((scope) => this.purge(scope))));
  }

  scopeOf(targets: readonly TargetPath[]): PathsScope {
    const paths = targets.flatMap(({ path, host }) => this.keys.forms(path).map((form) => ({ path: form, host })));
    return { kind: 'paths', paths };
  }

  /** Pages at these very addresses, in every variant: other queries of them stay. Addresses that cannot be pages are left out. */
  async exactly(pages: readonly ExactPage[]): Promise<PurgeReport> {
    const { hosts } = this.options;
    const targets = pages
      .filter(({ host }) => !hosts || host === undefined || hosts.includes(host))
      .flatMap(({ path, host, query }) => this.keys.ofPath(path, host, query))
      .map(({ target, host }): ExactTarget => ({ target, host }));
    return this.purge(this.#cacheable.of({ kind: 'targets', targets }));
  }

  /** One page, in one variant. */
  async one({ target, host, variants }: PageAddress): Promise<PurgeReport> {
    return this.purge({ kind: 'targets', targets: [{ target, host, variants }] });
  }

  /**
   * @throws {PurgeIncompleteError} when the store has not acknowledged it; it is tried again until it has, unless it never can
   */
  async purge(scope: PurgeScope): Promise<PurgeReport> {
    if (sizeOf(scope) === 0) return { purged: 0, targets: [], duration: 0 };
    try {
      return await this.acknowledged(scope);
    } catch (error) {
      // What a store can never do is not worth another try.
      const isPending =
        !(error instanceof UnsupportedError) && this.pending.add(scope, (again) => this.acknowledged(again), error);
      this.dispatcher.notify(new PageCacheFailed('purge', error, isPending));
      throw new PurgeIncompleteError(describe(scope), error, isPending);
    }
  }

  /** Deletes every page, also those that were stored by other options. Whoever stores some must know already that it may not. */
  async sweep(): Promise<void> {
    const purged = await this.deleteAll();
    if (purged > 0) this.dispatcher.notify(new PagesPurged(describe({ kind: 'all' }), purged));
  }

  /** What is being rendered of these pages, in any process, may be old; what is stored stays. */
  async announce(scope: PurgeScope): Promise<void> {
    const cacheable = this.#cacheable.of(scope);
    if (sizeOf(cacheable) > 0) await this.storage.journal.append(cacheable);
  }

  private async acknowledged(scope: PurgeScope): Promise<PurgeReport> {
    const start = performance.now();
    // Whatever is stored from now on is checked against it, in every process: so it comes before anything is deleted.
    await this.announce(scope);
    const purged = await this.delete(scope);
    const targets = describe(scope);
    this.dispatcher.notify(new PagesPurged(targets, purged, pagesOf(scope)));
    return { purged, targets, duration: performance.now() - start };
  }

  private async delete(scope: PurgeScope): Promise<number> {
    switch (scope.kind) {
      case 'targets':
        return this.storage.delete(scope.targets.flatMap((exact) => this.keys.at(exact)).map(({ key }) => key));
      case 'tags':
        return this.deleteEach(this.storage.tagged(scope.tags));
      case 'paths':
        return this.deletePaths(scope);
      case 'all':
        return this.deleteAll();
      case 'under':
        return (await this.storage.deleteUnder(scope.path)) ?? this.deleteConcerned(scope);
      case 'matching':
        return this.deleteConcerned(scope);
    }
  }

  private async deleteAll(): Promise<number> {
    return (await this.storage.deleteUnder('')) ?? this.deleteEach(everyKey(this.storage, this.keys.prefix));
  }

  private deleteConcerned(scope: PurgeScope): Promise<number> {
    return this.deleteListed((page) => concerns(scope, page));
  }

  private async deletePaths(scope: PathsScope): Promise<number> {
    const keys = scope.paths.flatMap(({ path, host }) => this.keys.ofForm(path, host).map(({ key }) => key));
    const purged = await this.storage.delete([...new Set(keys)]);
    if (this.options.query.allow.length === 0) return purged;
    return purged + (await this.deleteListed((page) => page.target !== page.path && concerns(scope, page)));
  }

  private async deleteListed(concerned: (address: PageAddress) => boolean): Promise<number> {
    return this.deleteEach(this.listed(concerned));
  }

  private async *listed(concerned: (address: PageAddress) => boolean): AsyncGenerator<string, void, undefined> {
    for await (const page of pagesToPurge(this.storage, this.keys)) if (concerned(page)) yield page.key;
  }

  private async deleteEach(keys: AsyncIterable<string>): Promise<number> {
    let purged = 0;
    for await (const some of chunks(keys, BATCH)) purged += await this.storage.delete(some);
    return purged;
  }
}

/** The pages that a purge names one by one. */
function pagesOf(scope: PurgeScope): PagesPurged['pages'] {
  if (scope.kind === 'paths') return scope.paths;
  return scope.kind === 'targets'
    ? scope.targets.map(({ target, host }) => ({ path: rawPath(target), host }))
    : undefined;
}
