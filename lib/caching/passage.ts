import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CallHandler, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { concat, defer, EMPTY, ignoreElements, type Observable, of } from 'rxjs';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageBypassed } from '../events/outcomes.events.js';
import { OutgoingFragments } from '../fragments/outgoing-fragments.js';
import { inputsOf } from '../inputs/request-inputs.js';
import { bypass, CACHE_STATUS } from './cache-status.js';
import type { PageDraft } from '../page/page-draft.js';
import { CurrentDraft, draftOf } from './current-draft.js';
import { isHandedOn } from './handed-on.js';
import { Publications } from './publications.js';
import { endUnseen, type takeOver } from './replay.js';
import { StandIns } from './stand-ins.js';
import { instrument, observe, type ResponseObserver } from './response-observer.js';
import { UnsafeRequests } from './unsafe-requests.js';

/** Stands for all handlers that our interceptor is not bound to. */
const UNBOUND = {};

/** Leads requests past the cache. */
@Injectable()
export class Passage {
  constructor(
    @Inject(UnsafeRequests) private readonly unsafe: UnsafeRequests,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(CurrentDraft) private readonly current: CurrentDraft,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(StandIns) private readonly standIns: StandIns,
    @Inject(OutgoingFragments) private readonly outgoing: OutgoingFragments,
  ) {}

  /**
   * Usually, the response has been instrumented when its request arrived. Another server, or `inject()`, has not done that.
   *
   * @returns `false` when something has been wrapped around the response already
   */
  instrument(response: ServerResponse): boolean {
    return instrument(response, this.outgoing.outlet(response));
  }

  /** @param reason reported as `detail` of the `Cache-Status` field */
  pass(
    context: ExecutionContext,
    request: IncomingMessage,
    response: ServerResponse,
    next: CallHandler,
    reason: string,
  ): Observable<unknown> {
    // The page at the address may be stale afterwards.
    const observer = this.unsafe.observer(context, request, response, reason) ?? bypass(reason);
    const isPublication = this.observe(request, response, reason, observer);
    // An event stream would never end.
    if (isPublication && reason === 'event-stream') return EMPTY;
    // The stand-in ends here, and the visitor's own request goes on.
    if (this.standIns.of(request)) {
      endUnseen(response, context.switchToHttp().getResponse<Parameters<typeof takeOver>[0]>());
      return of(undefined);
    }
    return this.current.leave(() => next.handle());
  }

  /** For a handler that our interceptor is not bound to. */
  passHandler<T>(request: IncomingMessage, response: ServerResponse, reason: string, handle: () => T): T {
    const draft = draftOf(request);
    if (isHandedOn(request, UNBOUND) && draft) {
      draft.skip(reason);
      return handle();
    }
    if (this.instrument(response)) this.observe(request, response, reason, bypass(reason));
    else this.sayUnobserved(request, response);
    return this.current.leave(handle);
  }

  /**
   * For a request that another handler has handed on.
   *
   * @param draft the page that the other handler was about to render; without one, it has already been led past the cache
   */
  goOn(draft: PageDraft | undefined, next: CallHandler): Observable<unknown> {
    draft?.skip('next');
    return draft ? next.handle() : this.current.leave(() => next.handle());
  }

  /** For a response that is not from the application's own server: what middleware does to it cannot be seen. */
  passUnobserved(
    context: ExecutionContext,
    request: IncomingMessage,
    response: ServerResponse,
    next: CallHandler,
  ): Observable<unknown> {
    this.sayUnobserved(request, response);
    const observer = this.unsafe.observer(context, request, response, 'not-observed');
    const handled = this.current.leave(() => next.handle());
    if (!observer) return handled;
    // A handler may also answer after it has returned.
    response.once('finish', () => void observer.beforeEnd());
    return concat(handled, defer(() => observer.beforeEnd() ?? EMPTY).pipe(ignoreElements()));
  }

  private sayUnobserved(request: IncomingMessage, response: ServerResponse): void {
    this.outgoing.wrap(response);
    if (!response.headersSent) response.setHeader(CACHE_STATUS, bypass('not-observed'));
    this.dispatcher.notify(new PageBypassed(request, 'not-observed'));
  }

  /** @returns whether it was asked for by `publish()` or `refresh()` */
  private observe(
    request: IncomingMessage,
    response: ServerResponse,
    reason: string,
    observer: ResponseObserver | string,
  ): boolean {
    inputsOf(request)?.close();
    observe(response, observer);
    const standIn = this.standIns.of(request);
    // After a stand-in, the visitor's own request will bypass the cache.
    if (standIn) standIn({ reason });
    else this.dispatcher.notify(new PageBypassed(request, reason));
    const publication = this.publications.of(request);
    publication?.(Promise.resolve({ stored: false, reason }));
    return publication !== undefined;
  }
}
