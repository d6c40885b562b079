import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { dropOldest } from '../async/drop-oldest.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageServed, RequestArrived } from '../events/page-cache.events.js';
import { hasTag } from '../http/validators.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { PageAddress } from '../page/page-key.js';
import { lookedUp } from '../page/page-key-header.js';
import { ReceivedRequests } from '../page/received-request.js';
import { PageStorage } from '../stores/page-storage.js';
import { CACHE_STATUS, HIT } from './cache-status.js';
import { Publications } from './publications.js';
import { fieldsOf, type StoredResponse } from './stored-response.js';
import { StoredResponses } from './stored-responses.js';

/** So many keys are remembered that lead to a handler with pages. Of all others, routing finds that out. */
const MAX_KEYS = 4000;

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
    // What is published is rendered, whatever is stored.
    if (request.method !== 'GET' || this.publications.of(request)) return undefined;
    if (this.#isLeftToHandlers || this.#keys.size === 0) return undefined;
    const { rule, head, address } = this.received.of(request);
    if (rule !== undefined || !this.#keys.has(address.key)) return undefined;
    // nginx has just looked where we would look.
    if (this.options.flavour !== undefined && lookedUp(head.headers) !== undefined) return undefined;
    return this.look(new RequestArrived(head, request, address), request, response);
  }

  /** Whether there was no page when the request arrived. */
  hasMissed(request: IncomingMessage): boolean {
    return this.#missed.has(request);
  }

  private async look(arrived: RequestArrived, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const deciding = this.dispatcher.decide(arrived);
    if (deciding) await deciding;
    if (arrived.refusal !== undefined) return false;
    const { address, skipped } = arrived;
    const page = await this.storage.get(address.key, request);
    // Without a validator, nobody can tell whether the visitor has the page.
    const isAnswer = page && (skipped === undefined || hasTag(page.headers));
    const stored = isAnswer ? await this.responses.of(page, request, true) : undefined;
    if (stored && send(stored, request, response)) {
      this.dispatcher.notify(new PageServed(address, 'stored'));
      return true;
    }
    this.#missed.add(request);
    return false;
  }
}

/** @returns `false`, with nothing done, when what is stored is damaged */
function send(stored: StoredResponse, request: IncomingMessage, response: ServerResponse): boolean {
  const fields = [...fieldsOf(stored), [CACHE_STATUS, HIT] as const];
  try {
    // What `writeHead()` makes of a list for HTTP/2 has one value for each name.
    if (request.httpVersionMajor === 2) {
      for (const [name, value] of fields) response.appendHeader(name, value);
      response.writeHead(stored.status).end(stored.body);
    } else response.writeHead(stored.status, fields.flat()).end(stored.body);
    return true;
  } catch {
    // Node has refused a field, and the application answers.
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    response.statusCode = 200;
    return false;
  }
}
