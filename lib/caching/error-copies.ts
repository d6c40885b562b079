import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageServed } from '../events/outcomes.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { lookedUp } from '../page/page-key-header.js';
import { ReceivedRequests } from '../page/received-request.js';
import { PageStorage } from '../stores/page-storage.js';
import { datedPage } from '../stores/stale-copy.js';
import { staleInstead } from './cache-status.js';
import { EarlyAnswers } from './early-answers.js';
import { HeldError, type Substitute } from './held-error.js';
import { Publications } from './publications.js';
import { StandIns } from './stand-ins.js';
import { holdErrors, sendInstead } from './response-observer.js';
import { fieldsOf } from './stored-response.js';
import { StoredResponses } from './stored-responses.js';

/**
 * `staleIfError`: sends the copy of a page in place of an error of the application, no matter what wrote the error: a handler, a filter, or
 * middleware. When the application does not answer at all, nginx sends the copy (nginx/stale-locations.ts).
 */
@Injectable()
export class ErrorCopies {
  /** Requests that no listener and no `skipIf` keeps away from the cache. */
  readonly #allowed = new WeakSet<IncomingMessage>();
  /** While closing, answers are not the application's own: Fastify answers 503 to every request that comes then. */
  #isClosing = false;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(EarlyAnswers) private readonly early: EarlyAnswers,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(StoredResponses) private readonly responses: StoredResponses,
    @Inject(StandIns) private readonly standIns: StandIns,
  ) {
    storage.onClosing(() => (this.#isClosing = true));
  }

  private get isOn(): boolean {
    return (this.options.stale?.ifError ?? 0) > 0;
  }

  watch(request: IncomingMessage, response: ServerResponse): void {
    if (!this.isOn) return;
    holdErrors(response, new HeldError((status) => this.find(request, response, status)));
  }

  allow(request: IncomingMessage): void {
    if (this.isOn) this.#allowed.add(request);
  }

  /** For a request that is kept away from the cache. */
  forbid(response: ServerResponse): void {
    holdErrors(response, undefined);
  }

  private find(
    request: IncomingMessage,
    response: ServerResponse,
    failed: number,
  ): Promise<Substitute | undefined> | undefined {
    return this.mayHaveCopy(request) ? this.substitute(request, response, failed) : undefined;
  }

  /** If middleware has failed, it is enough that nginx or `EarlyAnswers` would have sent a stored page before the middleware ran. */
  private mayHaveCopy(request: IncomingMessage): boolean {
    const { head, rule } = this.received.of(request);
    if (rule || head.method !== 'GET' || this.publications.of(request) || this.standIns.of(request)) return false;
    return this.isMiss(request) || this.#allowed.has(request) || this.early.hasMissed(request);
  }

  /** Whether nginx has already looked for the page. */
  private isMiss(request: IncomingMessage): boolean {
    const { head, address } = this.received.of(request);
    return this.options.flavour !== undefined && lookedUp(head.headers) === address.key;
  }

  private async substitute(
    request: IncomingMessage,
    response: ServerResponse,
    failed: number,
  ): Promise<Substitute | undefined> {
    const { address } = this.received.of(request);
    // However long the request has already waited: without the copy, it would have waited for nothing.
    const copy = await this.storage.copy(address.key, response);
    // This process is closing. nginx can find the copy, or ask another process.
    if (!copy) return this.#isClosing && this.isMiss(request) ? () => response.destroy() : undefined;
    const stored = await this.responses.of(datedPage(copy), request, true);
    if (!stored) return undefined;
    const answer = { status: stored.status, fields: fieldsOf(stored), body: stored.body };
    return (methods) => {
      sendInstead(response, methods, failed, answer, staleInstead(copy, failed));
      this.dispatcher.notify(new PageServed(address, 'stale-if-error'));
    };
  }
}
