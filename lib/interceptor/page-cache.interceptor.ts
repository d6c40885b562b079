import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type Observable, of } from 'rxjs';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageRequested } from '../events/page-cache.events.js';
import { InFlightPages } from '../invalidation/in-flight-pages.js';
import type { CheckedOptions } from '../options/check-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PageDraft } from '../page/page-draft.js';
import { PAGE_KEY_HEADER } from '../page/page-key-header.js';
import { PageKeys } from '../page/page-key.js';
import type { RequestHead } from '../rules/request-head.js';
import { PageStorage } from '../stores/page-storage.js';
import { Publications } from '../publishing/publications.js';
import { bypass } from './cache-status.js';
import { CurrentDraft } from './current-draft.js';
import { type HandlerPlan, HandlerPlans } from './handler-plans.js';
import { PageRecorder, type RecorderTools } from './page-recorder.js';
import { replay, takeOver } from './replay.js';
import { instrument, isInstrumented, observe } from './response-observer.js';

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
    @Inject(InFlightPages) inFlight: InFlightPages,
    @Inject(Reflector) reflector: Reflector,
  ) {
    const { maxPageBytes, compress } = options;
    this.#plans = new HandlerPlans(reflector);
    this.#tools = { dispatcher, storage, inFlight, maxPageBytes, compress };
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const http = context.switchToHttp();
    const response = rawOf(http.getResponse<Wrapped<ServerResponse>>());
    if (!isInstrumented(response)) instrument(response);
    const plan = this.#plans.of(context);
    if (plan.exempt !== undefined) {
      observe(response, bypass(plan.exempt));
      return next.handle();
    }
    return this.answer(context, next, plan, rawOf(http.getRequest<Wrapped<IncomingMessage>>()), response);
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
    const reason = requested.vetoed ?? (plan.options.skipIf?.(context) ? 'skip-if' : undefined);
    if (reason !== undefined) {
      observe(response, bypass(reason));
      return next.handle();
    }
    const publication = this.publications.of(request);
    // nginx has just looked where we would look.
    if (!publication && head.headers[PAGE_KEY_HEADER.toLowerCase()] === undefined) {
      const page = await this.storage.get(address.key);
      if (page && (await replay(page, request, response))) {
        takeOver(context.switchToHttp().getResponse());
        return of(undefined);
      }
    }
    const draft = new PageDraft(address, plan.options.ttl ?? this.options.ttl);
    const { tags = [] } = plan.options;
    draft.tag(...(typeof tags === 'function' ? tags(context) : tags));
    const recorder = new PageRecorder(this.#tools, draft, request, response, context);
    publication?.(recorder.outcome);
    observe(response, recorder);
    return this.current.run(request, draft, () => next.handle());
  }
}

/** Fastify wraps Node's request and response, Express extends them. */
type Wrapped<T> = T & { raw?: T };

function rawOf<T>(wrapped: Wrapped<T>): T {
  return wrapped.raw ?? wrapped;
}

function headOf(request: IncomingMessage & { originalUrl?: string }): RequestHead {
  return { method: request.method ?? '', target: request.originalUrl ?? request.url ?? '', headers: request.headers };
}
