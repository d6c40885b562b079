import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageServed } from '../events/page-cache.events.js';
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
 * `staleIfError`: sends the copy of a page in the place of an error of the application, whoever has written that: a handler, a filter,
 * middleware. When the application does not answer at all, nginx does it (nginx/stale-locations.ts).
 */
@Injectable()
export class ErrorCopies {
  /** Requests that everybody has been asked about who may keep them away from the cache. */
  readonly #allowed = new WeakSet<IncomingMessage>();
  /** What is answered then is no answer of the application: Fastify says 503 to every request that comes while it closes. */
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
    storage.onClose(() => (this.#isClosing = true));
  }

  get isOn(): boolean {
    return (this.options.stale?.ifError ?? 0) > 0;
  }

  watch(request: IncomingMessage, response: ServerResponse): void {
    if (!this.isOn) return;
    holdErrors(response, new HeldError((status) => this.find(request, response, status)));
  }

  allow(request: IncomingMessage): void {
    if (this.isOn) this.#allowed.add(request);
  }

  /** The request is kept away from the cache. */
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

  /** Where middleware has failed, it is enough that a stored page would have been sent before it: by nginx, or by `EarlyAnswers`. */
  private mayHaveCopy(request: IncomingMessage): boolean {
    const { head, rule } = this.received.of(request);
    if (rule || head.method !== 'GET' || this.publications.of(request) || this.standIns.of(request)) return false;
    return this.isMiss(request) || this.#allowed.has(request) || this.early.hasMissed(request);
  }

  /** Whether nginx has looked for the page before. */
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
    // However long the request has waited before: without the copy, it has waited for nothing.
    const copy = await this.storage.copy(address.key, response);
    // The store is closed. nginx can still ask it, or another process.
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
