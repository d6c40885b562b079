import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { isUnsafe } from '../http/unsafe-methods.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { noPageCache, purgesLocation } from '../policies/handler-options.js';
import { matchedRoute } from '../policies/matched-route.js';
import { Purger } from '../purging/purger.js';
import { UnsafeMethodObserver } from './unsafe-method.observer.js';

/** Decides what an unsafe request makes stale if it succeeds. */
@Injectable()
export class UnsafeRequests {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(Purger) private readonly purger: Purger,
  ) {}

  /**
   * @param reason why the request bypasses the cache
   * @returns the observer of the response; `undefined` when nothing becomes stale
   */
  observer(
    context: ExecutionContext,
    request: IncomingMessage,
    response: ServerResponse,
    reason: string,
  ): UnsafeMethodObserver | undefined {
    if (!isUnsafe(request.method)) return undefined;
    const handler = context.getHandler();
    // The controller's decorator does not count: the page at the address may be another controller's.
    const own = this.options.purgeAfterUnsafe && this.reflector.get(noPageCache, handler) !== true;
    const named = this.reflector.get(purgesLocation, handler) === true;
    if (!own && !named) return undefined;
    return new UnsafeMethodObserver(this.purger, request, response, reason, {
      own,
      named,
      route: own ? matchedRoute(context) : undefined,
    });
  }
}
