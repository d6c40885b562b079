import { Inject, Injectable } from '@nestjs/common';
import { chunks } from '../async/chunks.js';
import { inTurns } from '../async/in-turns.js';
import { untilAborted } from '../async/until-aborted.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PublishProgressed } from '../events/outcomes.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import { type PageTarget, targetPaths } from '../purging/purge-target.js';
import { Purger } from '../purging/purger.js';
import { PageStorage } from '../stores/page-storage.js';
import { OpenPublications } from './open-publications.js';
import { pagesAmong } from './pages-among.js';
import type { Publication, WantedPage } from './publication.js';
import type { PublishOptions } from './publish-options.js';
import type { PageResult, PublishManyReport } from './publish-report.js';

/** How many pages are rendered at once while no visitor is here. */
export const CONCURRENCY = 4;

/** How many pages are announced together: an entry of the journal holds about as many. Visitors' renderings of other pages go on. */
const TOGETHER = 100;

/** How many targets are looked at in one turn of the event loop. This takes a few milliseconds. */
const IN_ONE_TURN = 100;

/** Publishes thousands of pages, each at exactly the given address. */
@Injectable()
export class BulkPublisher {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(OpenPublications) private readonly publications: OpenPublications,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {}

  async publish(
    targets: Iterable<PageTarget> | AsyncIterable<PageTarget>,
    { concurrency = CONCURRENCY, skipStored = false, onProgress, signal: given }: PublishOptions,
  ): Promise<PublishManyReport> {
    let all: WantedPage[] | undefined;
    if (Symbol.iterator in targets) {
      all = [];
      for await (const address of this.addresses(targets)) all.push(address);
    }
    const total = all?.length;
    let done = 0;
    const options = {
      concurrency,
      isPatient: true,
      // A store that does not answer will say so again when the page is stored.
      keeps: async ({ key }: PageAddress) => skipStored && this.storage.has(key).catch(() => false),
      nameOf: ({ target }: PageAddress) => target,
      onResult: (path: string, result: PageResult) => {
        done += 1;
        const progress = { path, ...result, done, total };
        this.dispatcher.notify(new PublishProgressed(progress));
        onProgress?.(progress);
      },
    };
    const work = async (publication: Publication, signal: AbortSignal): Promise<PublishManyReport> => {
      // A source whose values come one by one may keep its reader waiting for ever.
      const addresses = all ?? this.addresses(untilAborted(targets as AsyncIterable<PageTarget>, signal));
      let isComplete = true;
      for await (const some of chunks(addresses, TOGETHER)) {
        isComplete = !signal.aborted;
        if (!isComplete) break;
        await this.replace(some, skipStored, publication);
      }
      const isCutOff = all === undefined && signal.aborted;
      return { ...publication.report(), isComplete: isComplete && !isCutOff && !publication.hasGivenUp };
    };
    return this.publications.during(options, work, given);
  }

  private async replace(
    addresses: readonly WantedPage[],
    skipStored: boolean,
    publication: Publication,
  ): Promise<void> {
    // A missing page is as good if somebody else renders it.
    if (skipStored) return publication.render(addresses);
    const targets = addresses
      .filter(({ refusal }) => refusal === undefined)
      .map(({ target, host, variants }) => ({ target, host, variants }));
    const paths = targets.map(({ target, host }) => ({ path: target.split('?', 1)[0] ?? target, host }));
    const find = async () => addresses;
    if (await publication.replace({ kind: 'targets', targets, refresh: true }, paths, find)) return;
    await publication.fail(addresses, 'store-down');
  }

  /** Each page once, even if it is named again. */
  private async *addresses(
    targets: Iterable<PageTarget> | AsyncIterable<PageTarget>,
  ): AsyncGenerator<WantedPage, void, undefined> {
    const seen = new Set<string>();
    for await (const target of inTurns(targets, IN_ONE_TURN)) {
      const meant = pagesAmong(await targetPaths([target], this.options.hosts)).filter(({ isGuess }) => !isGuess);
      for (const { path, host, query } of meant) {
        for (const address of this.keys.ofPath(path, host, query)) {
          const whole = query === '' ? address.path : `${address.path}?${query}`;
          const refusal = this.purger.refusal(whole);
          const name = refusal === undefined ? address.key : `${address.key} ${whole}`;
          if (seen.has(name)) continue;
          seen.add(name);
          yield refusal === undefined ? address : { ...address, target: whole, refusal };
        }
      }
    }
  }
}
