import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { type Observable, of } from 'rxjs';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageRequested } from '../events/decisions.events.js';
import { visitOf } from '../fragments/fragment-visits.js';
import { ReceivedRequests } from '../page/received-request.js';
import { inputsOf } from '../inputs/request-inputs.js';
import { ReadReports } from './read-reports.js';
import { draftOf } from './current-draft.js';
import { EarlyAnswers } from './early-answers.js';
import { ErrorCopies } from './error-copies.js';
import { isHandedOn } from './handed-on.js';
import { type HandlerPlan, HandlerPlans } from './handler-plans.js';
import { Passage } from './passage.js';
import { rawOf, type Wrapped } from './raw-of.js';
import { RenderTurns } from './render-turns.js';
import { Renderings } from './renderings.js';
import { ALONE, StandIns } from './stand-ins.js';
import { StoredAnswers } from './stored-answers.js';

/**
 * Decides how each request is answered: without the cache, from the stored page (if nginx does not serve it), or by its handler, whose
 * response is then stored. The module registers the interceptor for the whole application. With `registerInterceptor: false`, use it on the
 * controllers and handlers that have pages.
 *
 * @example
 * @UseInterceptors(PageCacheInterceptor)
 *
 * @publicApi
 */
@Injectable()
export class PageCacheInterceptor implements NestInterceptor {
  constructor(
    @Inject(HandlerPlans) private readonly plans: HandlerPlans,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(Passage) private readonly passage: Passage,
    @Inject(EarlyAnswers) private readonly early: EarlyAnswers,
    @Inject(StoredAnswers) private readonly stored: StoredAnswers,
    @Inject(RenderTurns) private readonly turns: RenderTurns,
    @Inject(Renderings) private readonly renderings: Renderings,
    @Inject(ReadReports) private readonly reads: ReadReports,
    @Inject(ErrorCopies) private readonly errors: ErrorCopies,
    @Inject(StandIns) private readonly standIns: StandIns,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const http = context.switchToHttp();
    const request = rawOf(http.getRequest<Wrapped<IncomingMessage>>());
    const response = rawOf(http.getResponse<Wrapped<ServerResponse>>());
    const plan = this.plans.of(context);
    const draft = draftOf(request);
    if (isHandedOn(request, plan)) return this.passage.goOn(draft, next);
    // The interceptor is registered for the whole application, and used on the handler as well.
    if (draft) return next.handle();
    if (!this.passage.instrument(response)) return this.passage.passUnobserved(context, request, response, next);
    // A fragment that is usually shared may be made for one visitor.
    const exemption = plan.exemption ?? (visitOf(request)?.isShared === false ? 'fragment' : undefined);
    if (exemption === undefined) return this.answer(context, next, plan, request, response);
    this.errors.forbid(response);
    return this.passage.pass(context, request, response, next, exemption);
  }

  private async answer(
    context: ExecutionContext,
    next: CallHandler,
    plan: HandlerPlan,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Observable<unknown>> {
    const pass = (reason: string) => this.passage.pass(context, request, response, next, reason);
    const { head, address, personal } = this.received.of(request);
    const requested = new PageRequested(head, request, context, address);
    const inputs = inputsOf(request);
    inputs?.frame(context.switchToHttp().getRequest<object>());
    const ask = <T>(question: () => T) => (inputs ? inputs.ask(question) : question());
    const deciding = ask(() => this.dispatcher.decide(requested));
    if (deciding) await deciding;
    const reason = requested.refusal ?? ask(() => this.plans.skips(plan, context));
    if (reason !== undefined) {
      this.errors.forbid(response);
      return pass(reason);
    }
    this.errors.allow(request);
    if (plan.options.skipIf === undefined && !visitOf(request)) this.early.learn(address);
    // A shared page is made without this visitor, and that could not be done.
    if (personal !== undefined) return pass(this.standIns.refusalOf(request) ?? personal);
    const given = await this.stored.answer(requested, response);
    if (given === undefined) return of(undefined);
    if (given.isAlone && this.standIns.of(request)) return pass(ALONE);
    let lead = given;
    const refuse = (why: string) => {
      lead.giveUp(why);
      return pass(why);
    };
    try {
      if (requested.skipped !== undefined) return refuse(requested.skipped);
      // Reads by middleware and guards were not observed.
      if (!inputs) return refuse('not-observed');
      const dangerous = this.reads.reasonNotToRender(inputs, address, context);
      if (dangerous !== undefined) return refuse(dangerous);
      const begun = await this.turns.begin(address, request, lead);
      if (begun === undefined) return refuse('store-down');
      const [write, own] = begun;
      lead = own;
      // Somebody has stored the page since nginx, or this process, looked.
      if (write.replaces) {
        lead.close();
        const page = await this.stored.answerStored(requested, response);
        if (page) {
          lead.found(page);
          return of(undefined);
        }
      }
      // The visitor left before the recorder could be told.
      if (response.destroyed) return refuse('aborted');
      const draft = this.plans.draft(plan, context, address);
      return this.renderings.render(draft, write, lead, context, next, request, response, inputs);
    } catch (error) {
      lead.giveUp('exception');
      throw error;
    }
  }
}
