import { Inject, Injectable } from '@nestjs/common';
import { slices } from '../async/chunks.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import type { TargetPath } from '../purging/purge-target.js';
import { Purger } from '../purging/purger.js';
import { concerns, type PathsScope } from '../stores/journal/purge-scope.js';
import { PageStorage } from '../stores/page-storage.js';
import { pagesToPurge } from '../stores/stored-pages.js';
import { CONCURRENCY } from './bulk-publisher.js';
import { OpenPublications } from './open-publications.js';
import { pagesAmong } from './pages-among.js';
import type { PublishReport } from './publish-report.js';

/**
 * How many paths are announced together. Others check what they are rendering against the newest 20,000 announced paths: with many more at
 * once, nobody could store anything.
 */
const TOGETHER = 1000;

/** Renders changed pages again, with every query of them that is stored. */
@Injectable()
export class Publisher {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(OpenPublications) private readonly publications: OpenPublications,
    @Inject(Purger) private readonly purger: Purger,
  ) {}

  /** Also renders the other stored pages of the same paths, which would be outdated. */
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

  /** Replaces those of the pages that are stored, with every query. They are replaced in place, so nobody meets a gap. */
  async refresh(targets: readonly TargetPath[]): Promise<PublishReport> {
    return this.replaceAll(pagesAmong(targets), (scope) => this.stored(scope));
  }

  /** Renders the given pages. Nobody is told that stored pages were replaced. */
  async renderAll(addresses: readonly PageAddress[]): Promise<PublishReport> {
    return this.publications.during({ concurrency: CONCURRENCY }, async (publication) => {
      await publication.render(addresses);
      return publication.report();
    });
  }

  private async replaceAll(
    targets: readonly TargetPath[],
    find: (scope: PathsScope, targets: readonly TargetPath[]) => Promise<readonly PageAddress[]>,
  ): Promise<PublishReport> {
    return this.publications.during({ concurrency: CONCURRENCY }, async (publication, signal) => {
      const purged: string[] = [];
      for (const some of slices(targets, TOGETHER)) {
        const scope = this.purger.scopeOf(some);
        const { placement } = this.storage;
        const isReplaced =
          !signal.aborted &&
          (await publication.replace({ ...scope, refresh: true }, scope.paths, () => find(scope, some)));
        // With two lists of servers, an old page may be where nobody has looked.
        const isFound = this.storage.placement === placement && !this.storage.isOtherList;
        // Nobody knows which pages are old, or the application is closing. So all are purged, and the purge goes on until they are gone.
        if (!isReplaced || !isFound || publication.hasGivenUp) purged.push(...(await this.purger.purge(scope)).targets);
      }
      const report = publication.report();
      return { ...report, purged: [...purged, ...report.purged] };
    });
  }

  /** @param known the keys of pages to leave out */
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
