import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CallHandler, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { EMPTY, type Observable } from 'rxjs';
import { inputsOf } from '../inputs/request-inputs.js';
import { bypass, CACHE_STATUS } from './cache-status.js';
import { CurrentDraft } from './current-draft.js';
import { Publications } from './publications.js';
import { observe } from './response-observer.js';
import { UnsafeRequests } from './unsafe-requests.js';

/** Leads requests past the cache. */
@Injectable()
export class Passage {
  constructor(
    @Inject(UnsafeRequests) private readonly unsafe: UnsafeRequests,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(CurrentDraft) private readonly current: CurrentDraft,
  ) {}

  /** @param reason reported as `detail` of the `Cache-Status` field */
  pass(
    context: ExecutionContext,
    request: IncomingMessage,
    response: ServerResponse,
    next: CallHandler,
    reason: string,
  ): Observable<unknown> {
    inputsOf(request)?.close();
    // What stands at the address may be stale afterwards.
    observe(response, this.unsafe.observer(context, request, response, reason) ?? bypass(reason));
    const publication = this.publications.of(request);
    publication?.(Promise.resolve({ stored: false, reason }));
    // It would never end.
    if (publication && reason === 'event-stream') return EMPTY;
    return this.current.leave(() => next.handle());
  }

  /** The response is not from the application's own server: what middleware does to it cannot be seen. */
  passUnobserved(response: ServerResponse, next: CallHandler): Observable<unknown> {
    if (!response.headersSent) response.setHeader(CACHE_STATUS, bypass('not-observed'));
    return this.current.leave(() => next.handle());
  }
}
