import type { ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { countWait } from '../async/patience.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { type PageRequested } from '../events/decisions.events.js';
import { PageServed } from '../events/outcomes.events.js';
import { hasTag } from '../http/validators.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { Page } from '../page/page.js';
import { PageStorage } from '../stores/page-storage.js';
import { datedPage } from '../stores/stale-copy.js';
import { COLLAPSED, HIT, staleHit } from './cache-status.js';
import { Coalescing, type Lead, NOBODY_WAITS } from './coalescing.js';
import { EarlyAnswers } from './early-answers.js';
import { Publications } from './publications.js';
import { Renewals } from './renewals.js';
import { endUnseen, replay, takeOver } from './replay.js';
import { isWrapped } from './response-observer.js';
import { StandIns } from './stand-ins.js';
import { StoredResponses } from './stored-responses.js';

/** Answers with a page that is already stored, where nginx does not, or with one that another request is rendering. */
@Injectable()
export class StoredAnswers {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(Coalescing) private readonly coalescing: Coalescing,
    @Inject(EarlyAnswers) private readonly early: EarlyAnswers,
    @Inject(Renewals) private readonly renewals: Renewals,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(StoredResponses) private readonly responses: StoredResponses,
    @Inject(StandIns) private readonly standIns: StandIns,
  ) {}

  /** @returns `undefined` when a page was the answer; otherwise the lead of its rendering, for which others may wait */
  async answer(requested: PageRequested, response: ServerResponse): Promise<Lead | undefined> {
    const { request, skipped } = requested;
    const { key } = requested.address;
    if (this.publications.of(request)) return NOBODY_WAITS;
    if (!this.early.hasLooked(request)) {
      const page = await this.storage.hit(requested.address, request);
      if (page && (await this.send(page, 'stored', HIT, requested, response))) return undefined;
    }
    const renews = this.options.stale?.whileRevalidate;
    const copy = renews ? await this.renewals.copyMeanwhile(requested.address, request) : undefined;
    if (copy && (await this.send(datedPage(copy), 'stale-while-revalidate', staleHit(copy), requested, response)))
      return undefined;
    const joining = skipped === undefined ? this.coalescing.join(key) : this.coalescing.follow(key);
    const joined = joining instanceof Promise ? await joining : joining;
    if (!joined) return NOBODY_WAITS;
    if ('render' in joined) {
      if (joined.hasWaited) countWait(request, Infinity);
      return joined;
    }
    return (await this.send(joined, 'collapsed', COLLAPSED, requested, response)) ? undefined : NOBODY_WAITS;
  }

  /**
   * Looks in the store, although nginx may have done so before.
   *
   * @returns the stored page if it was the answer
   */
  async answerStored(requested: PageRequested, response: ServerResponse): Promise<Page | undefined> {
    const { request, address } = requested;
    if (this.publications.of(request)) return undefined;
    const page = await this.storage.get(address.key, request);
    return page && (await this.send(page, 'stored', HIT, requested, response)) ? page : undefined;
  }

  /** @returns whether the page was the answer */
  private async send(
    page: Page,
    source: PageServed['source'],
    status: string,
    { address, request, context, skipped }: PageRequested,
    response: ServerResponse,
  ): Promise<boolean> {
    // Without a validator, nobody can tell whether the visitor has the page.
    if (skipped !== undefined && !hasTag(page.headers)) return false;
    const reply = context.switchToHttp().getResponse<Parameters<typeof replay>[3] & Parameters<typeof takeOver>[0]>();
    const standIn = this.standIns.of(request);
    if (standIn) {
      standIn({ page, status });
      endUnseen(response, reply);
    } else {
      const answer = await this.responses.of(page, request, !isWrapped(response));
      if (!answer) return false;
      replay(answer, status, response, reply);
      takeOver(reply);
    }
    this.dispatcher.notify(new PageServed(address, source));
    return true;
  }
}
