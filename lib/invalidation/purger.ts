import { Inject, Injectable } from '@nestjs/common';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed, PagesPurged } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/check-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import { PageStorage } from '../stores/page-storage.js';
import { InFlightPages } from './in-flight-pages.js';
import { type PurgeReport, PurgeIncompleteError } from './purge-report.js';
import type { TargetPath } from './purge-target.js';

/** One address of a page, with one query. */
export interface ExactPage extends TargetPath {
  readonly host: string;
  readonly query: string;
}

/** How many listed pages are deleted at once. */
const BATCH = 1000;

/** Deletes pages, those that are being rendered included. */
@Injectable()
export class Purger {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(InFlightPages) private readonly inFlight: InFlightPages,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {}

  /** Every host and every allowed query of the paths. */
  paths(targets: readonly TargetPath[]): Promise<PurgeReport> {
    const forms = targets.map((target) => ({ ...target, paths: this.keys.forms(target.path) }));
    const concerned = ({ path, host }: PageAddress) =>
      forms.some((target) => target.paths.includes(path) && (target.host === undefined || target.host === host));
    return this.run([...new Set(targets.map(({ path }) => path))], concerned, async () => {
      const addresses = targets.flatMap(({ path, host }) => this.keys.ofPath(path, host));
      let purged = await this.storage.delete([...new Set(addresses.map(({ key }) => key))]);
      if (this.options.query.allow.length > 0) {
        purged += await this.deleteListed((page) => page.target !== page.path && concerned(page));
      }
      return purged;
    });
  }

  /** Pages at these very addresses, in every variant: other queries of them stay. */
  async exactly(pages: readonly ExactPage[]): Promise<PurgeReport> {
    const { hosts } = this.options;
    const addresses = pages
      .filter(({ host }) => !hosts || hosts.includes(host))
      .flatMap(({ path, host, query }) => this.keys.ofPath(path, host, query));
    const keys = new Set(addresses.map(({ key }) => key));
    const targets = [...new Set(addresses.map(({ target }) => target))];
    return this.run(
      targets,
      ({ key }) => keys.has(key),
      () => this.storage.delete([...keys]),
    );
  }

  /** Every page that the condition is true for. */
  matching(target: string, concerned: (address: PageAddress) => boolean): Promise<PurgeReport> {
    return this.run([target], concerned, () => this.deleteListed(concerned));
  }

  private async deleteListed(concerned: (address: PageAddress) => boolean): Promise<number> {
    let purged = 0;
    let batch: string[] = [];
    for await (const key of this.storage.list(this.options.prefix)) {
      const address = this.keys.parse(key);
      if (address && concerned(address) && batch.push(key) >= BATCH) {
        purged += await this.storage.delete(batch);
        batch = [];
      }
    }
    return purged + (await this.storage.delete(batch));
  }

  private async run(
    targets: string[],
    concerned: (address: PageAddress) => boolean,
    purge: () => Promise<number>,
  ): Promise<PurgeReport> {
    const start = performance.now();
    // First: what is stored from now on is checked against it.
    this.inFlight.purge(concerned);
    try {
      const purged = await purge();
      this.dispatcher.notify(new PagesPurged(targets, purged));
      return { purged, targets, duration: performance.now() - start };
    } catch (error) {
      this.dispatcher.notify(new PageCacheFailed('purge', error));
      throw new PurgeIncompleteError(targets, error);
    }
  }
}
