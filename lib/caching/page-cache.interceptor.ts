import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { EMPTY, type Observable, of } from 'rxjs';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed, PageRequested } from '../events/page-cache.events.js';
import { Arrivals } from '../purging/arrivals.js';
import { InFlightPages } from '../purging/in-flight-pages.js';
import { PendingPurges } from '../purging/pending-purges.js';
import { Purger } from '../purging/purger.js';
import { isUnsafe, UnsafeMethodObserver } from './unsafe-method.observer.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PageDraft } from '../page/page-draft.js';
import { PAGE_KEY_HEADER } from '../page/page-key-header.js';
import { PageKeys } from '../page/page-key.js';
import { hasValidators } from '../http/validators.js';
import type { RequestHead } from '../rules/request-head.js';
import { PageStorage } from '../stores/page-storage.js';
import { Publications } from './publications.js';
import { bypass, CACHE_STATUS } from './cache-status.js';
import { CurrentDraft, draftOf } from './current-draft.js';
import { type HandlerPlan, HandlerPlans } from './handler-plans.js';
import { rawOf, type Wrapped } from './raw-of.js';
import { RenderingDates } from './rendering-dates.js';
import { PageRecorder, type RecorderTools } from './page-recorder.js';
import { replay, takeOver } from './replay.js';
import { instrument, observe } from './response-observer.js';

/**
 * Serves pages from the store where nginx does not, and stores what handlers answer. The module registers it for the whole
 * application; with `global: false` use it where it is wanted.
 *
 * @example
 * @UseInterceptors(PageCacheInterceptor)
 *
 * @publicApi
 */
@Injectable()
export class PageCacheInterceptor implements NestInterceptor {
  readonly #plans: HandlerPlans;
  readonly #tools: RecorderTools;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(CurrentDraft) private readonly current: CurrentDraft,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(Arrivals) private readonly arrivals: Arrivals,
    @Inject(InFlightPages) inFlight: InFlightPages,
    @Inject(PendingPurges) pending: PendingPurges,
    @Inject(Reflector) reflector: Reflector,
  ) {
    const { maxPageBytes, compress, clientCacheControl, vary, keepsHeaders } = options;
    this.#plans = new HandlerPlans(reflector);
    const sent = { maxPageBytes, compress, clientCacheControl, vary, keepsHeaders };
    this.#tools = { dispatcher, storage, inFlight, pending, purger, dates: new RenderingDates(), ...sent };
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const http = context.switchToHttp();
    const request = rawOf(http.getRequest<Wrapped<IncomingMessage>>());
    const response = rawOf(http.getResponse<Wrapped<ServerResponse>>());
    // Registered for the whole application, and used on the handler as well.
    if (draftOf(request)) return next.handle();
    if (!instrument(response)) {
      // Not from the application's own server: what middleware does to the response could not be seen.
      if (!response.headersSent) response.setHeader(CACHE_STATUS, bypass('not-observed'));
      return this.current.leave(() => next.handle());
    }
    const plan = this.#plans.of(context);
    if (plan.exempt === undefined) return this.answer(context, next, plan, request, response);
    // It would never end.
    if (plan.exempt === 'event-stream' && this.publications.of(request)) next = { handle: () => EMPTY };
    return this.pass(request, response, next, plan.exempt);
  }

  private async answer(
    context: ExecutionContext,
    next: CallHandler,
    plan: HandlerPlan,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Observable<unknown>> {
    const head = headOf(request);
    const address = this.keys.of(head);
    const requested = new PageRequested(head, request, context, address);
    await this.dispatcher.decide(requested);
    const { skipIf, ttl, tags = [] } = plan.options;
    const reason = requested.vetoed ?? this.ask(() => (skipIf?.(context) ? 'skip-if' : undefined));
    if (reason !== undefined) return this.pass(request, response, next, reason);
    const publication = this.publications.of(request);
    // nginx has just looked where we would look.
    if (!publication && head.headers[PAGE_KEY_HEADER.toLowerCase()] === undefined) {
      const page = await this.storage.get(address.key);
      const reply = context.switchToHttp().getResponse<Parameters<typeof replay>[3] & Parameters<typeof takeOver>[0]>();
      // Without validators, it cannot be said whether the visitor has the page.
      const isAnswer = page && (requested.unstored === undefined || hasValidators(page.headers));
      if (isAnswer && (await replay(page, request, response, reply))) {
        takeOver(reply);
        return of(undefined);
      }
    }
    if (requested.unstored !== undefined) return this.pass(request, response, next, requested.unstored);
    const position = await this.storage.position(address.key, this.arrivals.of(request), !publication);
    if (position === undefined) return this.pass(request, response, next, 'store-down');
    // Nobody will tell the recorder that the visitor has left.
    if (response.destroyed) return this.pass(request, response, next, 'aborted');
    const draft = new PageDraft(address, this.options.ttl);
    if (ttl !== undefined) draft.ttl = ttl;
    const failure = this.ask(() => {
      draft.tag(...(typeof tags === 'function' ? tags(context) : tags));
      return undefined;
    });
    if (failure !== undefined) draft.skip(failure);
    const recorder = new PageRecorder(this.#tools, draft, request, response, context, position, !!publication);
    publication?.(recorder.outcome);
    observe(response, recorder);
    return this.current.run(request, draft, () => next.handle());
  }

  /** Past the cache. */
  private pass(request: IncomingMessage, response: ServerResponse, next: CallHandler, reason: string) {
    // What stands at the address may be stale afterwards.
    const changes = this.options.purgeAfterUnsafe && isUnsafe(request);
    observe(response, changes ? new UnsafeMethodObserver(this.purger, request, response, reason) : bypass(reason));
    this.publications.of(request)?.(Promise.resolve({ stored: false, reason }));
    return this.current.leave(() => next.handle());
  }

  /** Asks what `@PageCache()` was given. Like a listener, it may throw and not break the answer. */
  private ask(question: () => string | undefined): string | undefined {
    try {
      return question();
    } catch (error) {
      this.dispatcher.notify(new PageCacheFailed('listener', error));
      return 'listener-error';
    }
  }
}

function headOf(request: IncomingMessage & { originalUrl?: string }): RequestHead {
  return { method: request.method ?? '', target: request.originalUrl ?? request.url ?? '', headers: request.headers };
}
