import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, PageResponding } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { RuleSet } from '../rules/rule-set.js';

/** `anonymousOnly`: a request that may belong to a session, or has credentials, neither gets a stored page nor makes one. */
@Injectable()
export class AnonymousOnlyListener {
  readonly #rules: RuleSet;

  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {
    this.#rules = new RuleSet(options.rules.anonymous);
  }

  @OnPageCache(PageRequested)
  onRequested(event: PageRequested): void {
    const reason = this.#rules.reasonToBypass(event.head);
    if (reason !== undefined) event.bypass(reason);
  }

  /** `isAnonymous`, asked when the handler has run: only then is it known who the visitor was taken for. */
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const { isAnonymous } = this.options;
    // Nothing but `true`: a promise is truthy, too.
    if (isAnonymous && isAnonymous(event.request) !== true) event.skip('not-anonymous');
  }
}
