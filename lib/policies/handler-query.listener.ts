import { Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { pageCache } from './handler-options.js';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import { rawQuery } from '../rules/request-head.js';

/**
 * `@PageCache({ query })`: keeps out pages with a parameter that the handler does not read. They would only be copies of the same page.
 *
 * @publicApi
 */
@Injectable()
export class HandlerQueryListener {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const query = rawQuery(event.draft.address.target);
    if (query === '') return;
    const { context } = event;
    const { query: reads } = {
      ...this.reflector.get(pageCache, context.getClass()),
      ...this.reflector.get(pageCache, context.getHandler()),
    };
    if (reads && query.split('&').some((pair) => !reads.includes(pair.slice(0, pair.indexOf('=')))))
      event.skip('query');
  }
}
