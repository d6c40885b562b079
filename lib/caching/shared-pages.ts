import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { dropOldest } from '../async/drop-oldest.js';
import { passWaitOn } from '../async/patience.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed, RequestArrived } from '../events/page-cache.events.js';
import { visitOf } from '../fragments/fragment-visits.js';
import { hasTag } from '../http/validators.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { PageAddress } from '../page/page-key.js';
import { ReceivedRequests } from '../page/received-request.js';
import { mayBecomePage } from './coalescing.js';
import { EarlyAnswers } from './early-answers.js';
import { sendStored } from './send-stored.js';
import { ALONE, type StandInResult, StandIns } from './stand-ins.js';
import { StoredResponses } from './stored-responses.js';

/** So long nobody tries again to share a page that could not be shared, in milliseconds. */
const REFUSED = 10_000;
/** So many pages are remembered that could not be shared. */
const MAX_REFUSED = 1000;

/** Sends a stand-in through the application. It is made where requests are sent to the application itself (publishing/inner-stand-ins.ts). */
export abstract class StandInSender {
  /**
   * @param onRequest is given the request before the application sees it
   * @throws when there is no whole answer in time
   */
  abstract send(address: PageAddress, onRequest: (request: IncomingMessage) => void): Promise<void>;
}

/**
 * `shared`: gives a visitor with cookies or credentials the page that is the same for every visitor. If it is not stored, a stand-in asks the
 * application for it, of whom nothing is known. So nothing of the visitor can get into the page, whatever the application reads. If the
 * page cannot be stored, the visitor's own request goes on, untouched, and he gets an answer made for himself.
 */
@Injectable()
export class SharedPages {
  readonly #refused = new Map<string, { readonly reason: string; readonly until: number }>();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(EarlyAnswers) private readonly early: EarlyAnswers,
    @Inject(StandIns) private readonly standIns: StandIns,
    @Inject(StoredResponses) private readonly responses: StoredResponses,
    @Inject(StandInSender) private readonly sender: StandInSender,
  ) {}

  /** @returns whether a shared page is the answer; `undefined` when that is not to be asked here */
  answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> | undefined {
    if (!this.options.rules.shared || request.method !== 'GET' || visitOf(request)) return undefined;
    if (this.received.of(request).personal === undefined) return undefined;
    return this.find(request, response).catch((error: unknown) => {
      this.dispatcher.notify(new PageCacheFailed('render', error));
      return response.headersSent;
    });
  }

  private async find(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const { head, address } = this.received.of(request);
    const arrived = new RequestArrived(head, request, address);
    const looks = this.early.mayLook(request);
    if (looks && (await this.early.look(arrived, request, response))) return true;
    if (!looks) await this.dispatcher.decide(arrived);
    if (arrived.refusal !== undefined) return false;
    const result = await this.byStandIn(request, address);
    // The visitor has left.
    if (response.destroyed) return true;
    if ('page' in result) {
      // Without a validator, nobody can tell whether the visitor has the page.
      const isAnswer = arrived.skipped === undefined || hasTag(result.page.headers);
      const stored = isAnswer ? await this.responses.of(result.page, request, true) : undefined;
      return stored !== undefined && sendStored(stored, result.status, request, response);
    }
    this.standIns.refuse(request, result.reason);
    return false;
  }

  private async byStandIn(visitors: IncomingMessage, address: PageAddress): Promise<StandInResult> {
    const { key } = address;
    const known = this.#refused.get(key);
    if (known && known.until > performance.now()) return known;
    const result = await new Promise<StandInResult>((resolve) => {
      this.sender
        .send(address, (request) => {
          if (this.early.hasLooked(visitors)) this.early.noteMiss(request);
          passWaitOn(visitors, request);
          if (this.received.of(request).address.key === key) this.standIns.begin(request, resolve);
          else resolve({ reason: 'key-drift' });
        })
        // Middleware has answered, or a guard, or there is no handler.
        .then(() => resolve({ reason: 'no-handler' }))
        .catch((error: unknown) => {
          this.dispatcher.notify(new PageCacheFailed('render', error));
          resolve({ reason: 'no-answer' });
        });
    });
    if ('reason' in result) this.note(key, result.reason);
    return result;
  }

  /** Else every visitor with a session would have a page rendered twice that is nobody else's. */
  private note(key: string, reason: string): void {
    this.#refused.delete(key);
    // No visitor has left: the application has broken off, or has taken too long.
    const saysNothing = reason !== 'aborted' && mayBecomePage({ stored: false, reason });
    if (saysNothing || reason === ALONE) return;
    this.#refused.set(key, { reason, until: performance.now() + REFUSED });
    dropOldest(this.#refused, MAX_REFUSED);
  }
}
