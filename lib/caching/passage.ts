import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CallHandler, Inject, Injectable } from '@nestjs/common';
import { EMPTY, type Observable } from 'rxjs';
import { inputsOf } from '../inputs/request-inputs.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { Purger } from '../purging/purger.js';
import { bypass, CACHE_STATUS } from './cache-status.js';
import { CurrentDraft } from './current-draft.js';
import { Publications } from './publications.js';
import { observe } from './response-observer.js';
import { isUnsafe, UnsafeMethodObserver } from './unsafe-method.observer.js';

/** Leads requests past the cache. */
@Injectable()
export class Passage {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(CurrentDraft) private readonly current: CurrentDraft,
  ) {}

  /** @param reason reported as `detail` of the `Cache-Status` field */
  pass(request: IncomingMessage, response: ServerResponse, next: CallHandler, reason: string): Observable<unknown> {
    inputsOf(request)?.close();
    // What stands at the address may be stale afterwards.
    const changes = this.options.purgeAfterUnsafe && isUnsafe(request);
    observe(response, changes ? new UnsafeMethodObserver(this.purger, request, response, reason) : bypass(reason));
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
