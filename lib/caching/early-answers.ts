import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { dropOldest } from '../async/drop-oldest.js';
import { countWait } from '../async/patience.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { RequestArrived } from '../events/decisions.events.js';
import { PageServed } from '../events/outcomes.events.js';
import { hasTag } from '../http/validators.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { PageAddress } from '../page/page-key.js';
import { copyOf, noteLeft } from '../inputs/left-properties.js';
import { lookedUp } from '../page/page-key-header.js';
import { ReceivedRequests } from '../page/received-request.js';
import { PageStorage } from '../stores/page-storage.js';
import { HIT } from './cache-status.js';
import { Publications } from './publications.js';
import { sendStored } from './send-stored.js';
import { StandIns } from './stand-ins.js';
import { StoredResponses } from './stored-responses.js';

/** How many keys that lead to a handler with pages are remembered. For all others, routing finds the handler. */
const MAX_KEYS = 4000;

/**
 * How long the visitor may already have waited for memcached, in milliseconds: nginx gives it 40 (nginx/flavours/lookup.ts). The time left
 * is enough for a healthy memcached.
 */
const WAITED_BY_NGINX = 35;

/**
 * Answers hits as nginx does, where nginx does not: by rules, key and store, before any part of the application is asked. Listeners that
 * want to see the handler (`PageRequested` alone) and `skipIf` must be asked before a stored page is sent. Where there are any, the
 * interceptor answers instead.
 *
 * The store is asked only for keys at which the interceptor has met a handler with pages. Otherwise every request for a handler without
 * pages would wait for the store.
 */
@Injectable()
export class EarlyAnswers {
  readonly #missed = new WeakSet<IncomingMessage>();
  readonly #keys = new Set<string>();
  #isLeftToHandlers = false;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(StoredResponses) private readonly responses: StoredResponses,
    @Inject(StandIns) private readonly standIns: StandIns,
  ) {}

  /** Some listener needs to see the handler before a stored page is sent. */
  leaveToHandlers(): void {
    this.#isLeftToHandlers = true;
  }

  /** Remembers that the key leads to a handler with pages, which need not be asked before a stored page is sent. */
  learn({ key }: PageAddress): void {
    if (this.#isLeftToHandlers) return;
    this.#keys.add(key);
    dropOldest(this.#keys, MAX_KEYS);
  }

  /** @returns whether a stored page is the answer; `undefined` when this is not the place to ask */
  answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> | undefined {
    // A publication is rendered whatever is stored. The sender of a stand-in has already looked.
    if (request.method !== 'GET' || this.publications.of(request) || this.standIns.of(request)) return undefined;
    if (!this.mayLook(request)) return undefined;
    const { head, address } = this.received.of(request);
    return this.look(new RequestArrived(head, request, address), request, response);
  }

  mayLook(request: IncomingMessage): boolean {
    if (this.#isLeftToHandlers || this.#keys.size === 0) return false;
    const { rule, head, address } = this.received.of(request);
    if (rule !== undefined || !this.#keys.has(address.key)) return false;
    // nginx has just looked in the same place.
    return this.options.flavour === undefined || lookedUp(head.headers) === undefined;
  }

  /** Whether nginx, or this process, has just looked for the page. */
  hasLooked(request: IncomingMessage): boolean {
    const { head } = this.received.of(request);
    if (this.options.flavour === undefined || lookedUp(head.headers) === undefined) return this.hasMissed(request);
    countWait(request, WAITED_BY_NGINX);
    return true;
  }

  noteMiss(request: IncomingMessage): void {
    this.#missed.add(request);
  }

  /** Whether there was no page when the request arrived. */
  hasMissed(request: IncomingMessage): boolean {
    return this.#missed.has(request) || this.standIns.hasMissed(request);
  }

  async look(arrived: RequestArrived, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const before = copyOf(request);
    const isAnswered = await this.answerHit(arrived, request, response);
    if (!isAnswered) noteLeft(request, before);
    return isAnswered;
  }

  private async answerHit(
    arrived: RequestArrived,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<boolean> {
    const deciding = this.dispatcher.decide(arrived);
    if (deciding) await deciding;
    if (arrived.refusal !== undefined) return false;
    const { address, skipped } = arrived;
    const page = await this.storage.hit(address, request);
    // Without a validator, nobody can tell whether the visitor has the page.
    const isAnswer = page && (skipped === undefined || hasTag(page.headers));
    const stored = isAnswer ? await this.responses.of(page, request, true) : undefined;
    if (stored && sendStored(stored, HIT, request, response)) {
      this.dispatcher.notify(new PageServed(address, 'stored'));
      return true;
    }
    this.noteMiss(request);
    return false;
  }
}
