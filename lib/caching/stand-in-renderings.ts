import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { dropOldest } from '../async/drop-oldest.js';
import { passWaitOn } from '../async/patience.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed } from '../events/outcomes.events.js';
import type { PageAddress } from '../page/page-key.js';
import { ReceivedRequests } from '../page/received-request.js';
import { mayBecomePage } from './coalescing.js';
import { ALONE, type StandInResult, StandIns } from './stand-ins.js';

/** How long a page that could not be shared is not tried again, in milliseconds. */
const REFUSED = 10_000;
/** How many pages that could not be shared are remembered. */
const MAX_REFUSED = 1000;

/** Sends a stand-in through the application. Implemented where the application sends requests to itself (publishing/inner-stand-ins.ts). */
export abstract class StandInSender {
  /**
   * @param onRequest is given the request before the application sees it
   * @throws when there is no whole answer in time
   */
  abstract send(address: PageAddress, onRequest: (request: IncomingMessage) => void): Promise<void>;
}

/** Makes what is the same for everybody, by way of a stand-in of whom nothing is known. */
@Injectable()
export class StandInRenderings {
  readonly #refused = new Map<string, { readonly reason: string; readonly until: number }>();

  constructor(
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(StandIns) private readonly standIns: StandIns,
    @Inject(StandInSender) private readonly sender: StandInSender,
  ) {}

  /**
   * @param visitors the request in whose place the stand-in asks
   * @param hasLooked whether somebody has just looked in the store
   */
  async result(address: PageAddress, visitors: IncomingMessage, hasLooked: boolean): Promise<StandInResult> {
    const { key } = address;
    const known = this.#refused.get(key);
    if (known && known.until > performance.now()) return known;
    const result = await new Promise<StandInResult>((resolve) => {
      this.sender
        .send(address, (request) => {
          passWaitOn(visitors, request);
          if (this.received.of(request).address.key === key) this.standIns.begin(request, resolve, hasLooked);
          else resolve({ reason: 'key-drift' });
        })
        // Middleware or a guard has answered, or there is no handler.
        .then(() => resolve({ reason: 'no-handler' }))
        .catch((error: unknown) => {
          this.dispatcher.notify(new PageCacheFailed('render', error));
          resolve({ reason: 'no-answer' });
        });
    });
    if ('reason' in result) this.note(key, result.reason);
    return result;
  }

  /** Remembers what could not be shared. Otherwise every visitor would have it rendered twice, although it is for nobody else. */
  private note(key: string, reason: string): void {
    this.#refused.delete(key);
    // 'aborted' does not mean that a visitor left: the application has broken off, or has taken too long.
    const saysNothing = reason !== 'aborted' && mayBecomePage({ stored: false, reason });
    if (saysNothing || reason === ALONE) return;
    this.#refused.set(key, { reason, until: performance.now() + REFUSED });
    dropOldest(this.#refused, MAX_REFUSED);
  }
}
