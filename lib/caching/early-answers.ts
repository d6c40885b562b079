import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { dropOldest } from '../async/drop-oldest.js';
import { countWait } from '../async/patience.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageServed, RequestArrived } from '../events/page-cache.events.js';
import { hasTag } from '../http/validators.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { PageAddress } from '../page/page-key.js';
import { lookedUp } from '../page/page-key-header.js';
import { ReceivedRequests } from '../page/received-request.js';
import { PageStorage } from '../stores/page-storage.js';
import { HIT } from './cache-status.js';
import { Publications } from './publications.js';
import { sendStored } from './send-stored.js';
import { StandIns } from './stand-ins.js';
import { StoredResponses } from './stored-responses.js';

/** So many keys are remembered that lead to a handler with pages. Of all others, routing finds that out. */
const MAX_KEYS = 4000;

/**
 * So long the visitor may have waited for memcached already, in milliseconds: nginx gives it 40 (nginx/flavours/lookup.ts). What is left
 * is enough for a memcached that is well.
 */
const WAITED_BY_NGINX = 35;

/**
 * Answers hits as nginx does, where nginx does not: by rules, key and store, before anything of the application is asked. Listeners that
 * want to see the handler (`PageRequested` alone) and `skipIf` are asked before a stored page is sent, so with them this is left to the
 * interceptor.
 *
 * The store is asked only for keys at which the interceptor has met a handler with pages: else each request of a handler without would wait
 * for it.
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

  /** Somebody wants to know the handler before a stored page is sent. */
  leaveToHandlers(): void {
    this.#isLeftToHandlers = true;
  }

  /** At the key is a handler with pages, and it needs not be asked before one is sent. */
  learn({ key }: PageAddress): void {
    if (this.#isLeftToHandlers) return;
    this.#keys.add(key);
    dropOldest(this.#keys, MAX_KEYS);
  }

  /** @returns whether a stored page is the answer; `undefined` when that is not to be asked here */
  answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> | undefined {
    // What is published is rendered, whatever is stored. Who sends a stand-in has looked.
    if (request.method !== 'GET' || this.publications.of(request) || this.standIns.of(request)) return undefined;
    if (!this.mayLook(request)) return undefined;
    const { head, address } = this.received.of(request);
    return this.look(new RequestArrived(head, request, address), request, response);
  }

  mayLook(request: IncomingMessage): boolean {
    if (this.#isLeftToHandlers || this.#keys.size === 0) return false;
    const { rule, head, address } = this.received.of(request);
    if (rule !== undefined || !this.#keys.has(address.key)) return false;
    // nginx has just looked where we would look.
    return this.options.flavour === undefined || lookedUp(head.headers) === undefined;
  }

  /** nginx has just looked where we would look, or this process has. */
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
