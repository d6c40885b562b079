import { Inject, Injectable } from '@nestjs/common';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed, PagesPurged } from '../events/outcomes.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import { rawPath } from '../rules/request-head.js';
import { UnderWay } from '../async/under-way.js';
import { PageStorage } from '../stores/page-storage.js';
import type { StoragePart } from '../stores/storage-part.js';
import { UnsupportedError } from '../stores/unsupported.error.js';
import { PendingPurges } from './pending-purges.js';
import { type PurgeReport, PurgeIncompleteError, together } from './purge-report.js';
import { describe, type ExactTarget, type PathsScope, type PurgeScope, sizeOf } from '../stores/journal/purge-scope.js';
import { CacheableScope } from './cacheable-scope.js';
import type { ExactPage } from './exact-page.js';
import { PageDeletion } from './page-deletion.js';
import type { TargetPath } from './purge-target.js';

/** Deletes pages, including those that are being rendered. */
@Injectable()
export class Purger {
  readonly #cacheable: CacheableScope;
  readonly #deletion: PageDeletion;
  readonly #running = new UnderWay();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(PendingPurges) private readonly pending: PendingPurges,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {
    this.#cacheable = new CacheableScope(options.rules, keys);
    this.#deletion = new PageDeletion(options.query.allow.length > 0, keys, storage);
  }

  /** Purges every form, host, variant and allowed query of the paths, and everything below those that are subtrees. */
  paths(targets: readonly TargetPath[]): Promise<PurgeReport> {
    const subtrees = targets
      .filter(({ isSubtree }) => isSubtree)
      .map(({ path }): PurgeScope => ({ kind: 'under', path }));
    return this.all([this.scopeOf(targets.filter(({ isSubtree }) => !isSubtree)), ...subtrees]);
  }

  /** Several purges with one report. If one fails, the others are done all the same. */
  async all(scopes: readonly PurgeScope[]): Promise<PurgeReport> {
    return together(await Promise.allSettled(scopes.map((scope) => this.purge(scope))));
  }

  scopeOf(targets: readonly TargetPath[]): PathsScope {
    const paths = targets.flatMap(({ path, host }) => this.keys.forms(path).map((form) => ({ path: form, host })));
    return { kind: 'paths', paths };
  }

  /** Purges exactly these addresses, in every variant. Their other queries stay. Addresses that cannot be pages are left out. */
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
   * @throws {PurgeIncompleteError} when a server has not acknowledged the purge; it is tried again until the server has, unless it never can
   */
  async purge(scope: PurgeScope): Promise<PurgeReport> {
    if (sizeOf(scope) === 0) return { purged: 0, targets: [], duration: 0 };
    const start = performance.now();
    let { placement, isOtherList } = this.storage;
    const parts = this.concerned(scope);
    const [first] = await Promise.all([this.attempt(parts, scope), this.askOthers(parts)]);
    let [outcomes, purged] = [first, purgedIn(first)];
    while (this.storage.placement !== placement || (this.storage.isOtherList && !isOtherList)) {
      ({ placement, isOtherList } = this.storage);
      const next = await this.attempt(this.everywhere(), scope);
      purged += purgedIn(next);
      outcomes = [...outcomes.filter(({ part }) => !next.some((one) => one.part.server === part.server)), ...next];
    }
    const failures = outcomes.filter((outcome) => outcome.purged === undefined);
    if (failures.length === 0 || failures.length < outcomes.length) this.report(scope, purged);
    if (failures.length > 0) throw this.incomplete(scope, failures);
    return { purged, targets: describe(scope), duration: performance.now() - start };
  }

  /** Carries a purge out on each of these servers, even if it fails on some. */
  private attempt(parts: readonly StoragePart[], scope: PurgeScope): Promise<Outcome[]> {
    return Promise.all(
      parts.map(async (part): Promise<Outcome> => {
        try {
          return { part, purged: await this.acknowledged(part, scope) };
        } catch (error) {
          return { part, error };
        }
      }),
    );
  }

  /** While there are two lists of servers, a page may be where either of them says. */
  private everywhere(): readonly StoragePart[] {
    return [...this.storage.parts, ...this.storage.others()];
  }

  /**
   * Deletes every page, including those stored under other options. Processes that store such pages must know beforehand that they may not.
   *
   * @param keepsOwn whether it deletes only the pages that do not belong to the server
   */
  async sweep(part: StoragePart, keepsOwn: boolean): Promise<void> {
    const purged = await (keepsOwn ? this.#deletion.misplaced(part) : this.#deletion.everything(part));
    this.storage.purged({ kind: 'all' });
    if (purged > 0) this.dispatcher.notify(new PagesPurged(describe({ kind: 'all' }), purged));
  }

  /** Why an address, with its query, can be no page; `undefined` when it may be one. */
  refusal(target: string): string | undefined {
    return this.#cacheable.reason(target);
  }

  /** Marks current renderings of these pages, in any process, as possibly outdated. Stored pages stay. */
  async announce(scope: PurgeScope): Promise<void> {
    const parts = this.concerned(scope);
    await Promise.all([...parts.map((part) => this.append(part, scope)), this.askOthers(parts)]);
  }

  /** Must be called when announced pages have been rendered again: this process may have read what another one has stored and taken back. */
  replaced(scope: PurgeScope): void {
    this.storage.purged(scope);
  }

  /** Servers that a purge does not concern can also tell whether there is another list of servers by now. */
  private async askOthers(concerned: readonly StoragePart[]): Promise<void> {
    const others = this.storage.parts.filter((part) => !concerned.includes(part));
    await Promise.allSettled(others.map(({ journal }) => journal.catchUp()));
  }

  /** The parts that may have a page of the scope. */
  private concerned(scope: PurgeScope): readonly StoragePart[] {
    const { parts } = this.storage;
    if (this.storage.isOtherList) return this.everywhere();
    const keys = parts.length > 1 ? this.#deletion.keysOf(scope) : undefined;
    return keys ? parts.filter(({ holds }) => keys.some(holds)) : parts;
  }

  private incomplete(scope: PurgeScope, failures: readonly Outcome[]): PurgeIncompleteError {
    const isPending = failures.map(({ part, error }) => {
      // The list of servers may have changed meanwhile. A server that is no longer in it is emptied.
      const server = part.journal.editions.isRetired ? this.heirOf(part) : part;
      // A store that can never do the purge is not asked again.
      const isRetried =
        !(error instanceof UnsupportedError) && server !== undefined && this.repeat(server, scope, error);
      this.dispatcher.notify(new PageCacheFailed('purge', error, isRetried));
      return isRetried;
    });
    const servers = failures.flatMap(({ part }) => part.server ?? []);
    return new PurgeIncompleteError(describe(scope), failures[0]!.error, isPending.every(Boolean), servers);
  }

  /** Moves the purges that wait for a server to that server in the new list. A server that is no longer in the list is emptied. */
  adopt(former: readonly StoragePart[]): void {
    for (const part of former) {
      const heir = this.heirOf(part);
      const { scopes, error } = this.pending.take(part);
      if (heir) for (const scope of scopes) this.repeat(heir, scope, error);
    }
  }

  /** The same server in the current list. */
  private heirOf({ server }: StoragePart): StoragePart | undefined {
    return this.storage.parts.find((part) => part.server === server);
  }

  /** @returns whether it will be tried again */
  private repeat(part: StoragePart, scope: PurgeScope, error: unknown): boolean {
    const again = async (waiting: PurgeScope) => this.report(waiting, await this.acknowledged(part, waiting));
    return this.pending.add(part, scope, again, error);
  }

  private report(scope: PurgeScope, purged: number): void {
    this.dispatcher.notify(new PagesPurged(describe(scope), purged, pagesOf(scope)));
  }

  /** Resolves when the servers have acknowledged the purges that are under way now, or have not. */
  settled(): Promise<void> {
    return this.#running.settled();
  }

  /** @returns how many pages there were */
  private acknowledged(part: StoragePart, scope: PurgeScope): Promise<number> {
    return this.#running.add(this.carryOut(part, scope));
  }

  private async carryOut(part: StoragePart, scope: PurgeScope): Promise<number> {
    // The entry comes before any deletion: from now on, every process checks what it stores against it.
    try {
      await this.append(part, scope);
      return await this.#deletion.carryOut(part, scope);
    } finally {
      this.storage.purged(scope);
    }
  }

  private async append({ journal }: StoragePart, scope: PurgeScope): Promise<void> {
    const cacheable = this.#cacheable.of(scope);
    if (sizeOf(cacheable) > 0) await journal.append(cacheable);
  }
}

/** What became of a purge on one server. */
interface Outcome {
  readonly part: StoragePart;
  /** How many pages there were; absent when the server has not acknowledged it. */
  readonly purged?: number;
  readonly error?: unknown;
}

function purgedIn(outcomes: readonly Outcome[]): number {
  return outcomes.reduce((sum, { purged = 0 }) => sum + purged, 0);
}

/** The pages that a purge names one by one. */
function pagesOf(scope: PurgeScope): PagesPurged['pages'] {
  if (scope.kind === 'paths') return scope.paths;
  return scope.kind === 'targets'
    ? scope.targets.map(({ target, host }) => ({ path: rawPath(target), host }))
    : undefined;
}
