import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { ReceivedRequests } from '../page/received-request.js';
import { RuleListener } from './rule-listener.js';

/**
 * `anonymousOnly`: a request with credentials, or one that may belong to a session, gets no stored page and stores none.
 *
 * @publicApi
 */
@Injectable()
export class AnonymousOnlyListener extends RuleListener {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ReceivedRequests) received: ReceivedRequests,
  ) {
    super(received, options.rules.anonymous);
  }

  /** Asks `isAnonymous` after the handler has run: only then is it known who the visitor was taken for. */
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const { isAnonymous } = this.options;
    // Only `true` counts: a promise is truthy, too.
    if (isAnonymous && isAnonymous(event.request) !== true) event.skip('not-anonymous');
  }
}
