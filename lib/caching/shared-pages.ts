import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { RequestArrived } from '../events/decisions.events.js';
import { PageCacheFailed } from '../events/outcomes.events.js';
import { visitOf } from '../fragments/fragment-visits.js';
import { hasTag } from '../http/validators.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { ReceivedRequests } from '../page/received-request.js';
import { EarlyAnswers } from './early-answers.js';
import { sendStored } from './send-stored.js';
import { StandInRenderings } from './stand-in-renderings.js';
import { StandIns } from './stand-ins.js';
import { StoredResponses } from './stored-responses.js';

/**
 * `shared`: gives a visitor with cookies or credentials the page that is the same for every visitor. If it is not stored, a stand-in, of
 * whom nothing is known, asks the application for it. So nothing of the visitor can get into the page, whatever the application reads. If
 * the page cannot be stored, the visitor's own request goes on, untouched, and its answer is made for this visitor.
 */
@Injectable()
export class SharedPages {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(EarlyAnswers) private readonly early: EarlyAnswers,
    @Inject(StandIns) private readonly standIns: StandIns,
    @Inject(StoredResponses) private readonly responses: StoredResponses,
    @Inject(StandInRenderings) private readonly renderings: StandInRenderings,
  ) {}

  /** @returns whether a shared page is the answer; `undefined` when this is not the place to ask */
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
    const result = await this.renderings.result(address, request, this.early.hasLooked(request));
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
}
