import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { slices } from '../async/chunks.js';
import { Visitors } from '../caching/visitors.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PagesPurged } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import type { TargetPath } from '../purging/purge-target.js';
import { Purger } from '../purging/purger.js';
import { concerns, describe, type PathsScope } from '../stores/journal/purge-scope.js';
import { PageStorage } from '../stores/page-storage.js';
import { pagesToPurge } from '../stores/stored-pages.js';
import { InnerRequests } from './inner-requests.js';
import { Pace } from './pace.js';
import { PageRenderer } from './page-renderer.js';
import { Publication } from './publication.js';
import type { PublishReport } from './publish-report.js';

/** How many pages are rendered at once while no visitor is here. */
const CONCURRENCY = 4;

/**
 * So many paths are announced together. Others check what they are rendering against the newest 20,000 paths that anybody has announced: many more
 * at once, and nobody could store anything.
 */
const TOGETHER = 1000;

/** Renders pages unasked, many together. */
@Injectable()
export class Publisher implements OnModuleDestroy {
  readonly #underWay = new Map<AbortController, Promise<unknown>>();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(InnerRequests) private readonly requests: InnerRequests,
    @Inject(PageRenderer) private readonly renderer: PageRenderer,
    @Inject(Visitors) private readonly visitors: Visitors,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {}

  /** Nothing is begun any more, and what is being rendered is given up. */
  async onModuleDestroy(): Promise<void> {
    for (const stop of this.#underWay.keys()) stop.abort();
    await Promise.allSettled(this.#underWay.values());
  }

  /** What else is stored of the same paths would be old. */
  async publish(targets: readonly TargetPath[]): Promise<PublishReport> {
    return this.replaceAll(pagesAmong(targets), async (scope, some) => {
      const meant = some.filter(({ isGuess }) => !isGuess);
      const wanted = meant.flatMap(({ path, host, query }) =>
        ['', query].flatMap((one) => this.keys.ofPath(path, host, one)),
      );
      const byKey = new Map(wanted.map((address) => [address.key, address]));
      return [...byKey.values(), ...(await this.stored(scope, byKey))];
    });
  }

  /** Those of the pages that are stored, with every query: replaced in place, so that nobody meets a gap. */
  async refresh(targets: readonly TargetPath[]): Promise<PublishReport> {
    return this.replaceAll(pagesAmong(targets), (scope) => this.stored(scope));
  }

  /** Renders pages as they are given. Nobody is told that others have come to their places. */
  async renderAll(addresses: readonly PageAddress[]): Promise<PublishReport> {
    return this.during(async (publication) => {
      await publication.render(addresses);
      return publication.report();
    });
  }

  private async replaceAll(
    targets: readonly TargetPath[],
    find: (scope: PathsScope, targets: readonly TargetPath[]) => Promise<readonly PageAddress[]>,
  ): Promise<PublishReport> {
    return this.during(async (publication, signal) => {
      const purged: string[] = [];
      for (const some of slices(targets, TOGETHER)) {
        if (signal.aborted) break;
        const scope = this.purger.scopeOf(some);
        let addresses: readonly PageAddress[];
        try {
          // First: what is being rendered, here or elsewhere, and is stored later than this, is checked against it.
          await this.purger.announce({ ...scope, refresh: true });
          addresses = await find(scope, some);
        } catch {
          // Nobody knows which pages are old. The purge says so, and goes on until they are gone.
          purged.push(...(await this.purger.purge(scope)).targets);
          continue;
        }
        await publication.render(addresses);
        // Caches farther out have the pages that were here before, and get the new ones only now.
        this.dispatcher.notify(new PagesPurged(describe(scope), 0, scope.paths));
      }
      const report = publication.report();
      return { ...report, purged: [...purged, ...report.purged] };
    });
  }

  private async during<T>(work: (publication: Publication, signal: AbortSignal) => Promise<T>): Promise<T> {
    // Else all of them would fail, one after the other.
    void this.requests.server;
    const stop = new AbortController();
    const { signal } = stop;
    const pace = new Pace(this.visitors, signal);
    this.visitors.watch();
    const working = work(new Publication(this.renderer, this.purger, pace, CONCURRENCY, signal), signal);
    this.#underWay.set(stop, working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(stop);
      this.visitors.unwatch();
    }
  }

  /** @param known keys of pages that are left out */
  private async stored(
    scope: PathsScope,
    known: Pick<Map<string, unknown>, 'has'> = new Map(),
  ): Promise<PageAddress[]> {
    const found: PageAddress[] = [];
    if (this.options.query.allow.length === 0) {
      for (const address of scope.paths.flatMap(({ path, host }) => this.keys.ofForm(path, host))) {
        if (!known.has(address.key) && (await this.storage.has(address.key))) found.push(address);
      }
      return found;
    }
    const paths = new Set(scope.paths.map(({ path }) => path));
    for await (const page of pagesToPurge(this.storage, this.keys)) {
      if (paths.has(page.path) && !known.has(page.key) && concerns(scope, page)) found.push(page);
    }
    return found;
  }
}

/** @throws {TypeError} when there is a subtree among them */
function pagesAmong(targets: readonly TargetPath[]): readonly TargetPath[] {
  const subtree = targets.find(({ isSubtree }) => isSubtree);
  if (!subtree) return targets;
  throw new TypeError(
    `${subtree.path}/* is not a page: publish() and refresh() take pages one by one, purge() and purgeUnder() a subtree`,
  );
}
