import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { isKeyTooLong } from '../page/page-key.js';
import { RuleSet } from '../rules/rule-set.js';

/** Only what has a key can be a page: method, host, form of the path, query, length. */
@Injectable()
export class AddressableListener {
  readonly #rules: RuleSet;

  constructor(@Inject(PAGE_CACHE_OPTIONS) { rules }: CheckedOptions) {
    this.#rules = new RuleSet(rules.addressable);
  }

  @OnPageCache(PageRequested)
  onRequested(event: PageRequested): void {
    const reason = this.#rules.reasonToBypass(event.head);
    if (reason !== undefined) event.bypass(reason);
    else if (event.head.method === 'HEAD') event.bypass('method');
    else if (isKeyTooLong(event.address.key)) event.bypass('key-length');
  }
}
