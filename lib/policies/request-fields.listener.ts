import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { RuleSet } from '../rules/rule-set.js';

/** `requestFields.bypass`: credentials, requests for a part of a page. */
@Injectable()
export class RequestFieldsListener {
  readonly #rules: RuleSet;

  constructor(@Inject(PAGE_CACHE_OPTIONS) { rules }: CheckedOptions) {
    this.#rules = new RuleSet(rules.fields);
  }

  @OnPageCache(PageRequested)
  onRequested(event: PageRequested): void {
    const reason = this.#rules.reasonToBypass(event.head);
    if (reason !== undefined) event.bypass(reason);
  }
}
