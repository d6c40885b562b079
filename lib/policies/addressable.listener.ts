import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, RequestArrived } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { isKeyTooLong } from '../page/page-key.js';
import { ReceivedRequests } from '../page/received-request.js';
import { RuleListener } from './rule-listener.js';

/**
 * Keeps out requests that have no page key, because of their method, host, path form, query or key length.
 *
 * @publicApi
 */
@Injectable()
export class AddressableListener extends RuleListener {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) { rules }: CheckedOptions,
    @Inject(ReceivedRequests) received: ReceivedRequests,
  ) {
    super(received, rules.addressable);
  }

  @OnPageCache(PageRequested)
  @OnPageCache(RequestArrived)
  override onRequested(event: RequestArrived): void {
    super.onRequested(event);
    if (event.refusal !== undefined) return;
    if (event.head.method === 'HEAD') event.bypass('method');
    else if (isKeyTooLong(event.address.key)) event.bypass('key-length');
  }
}
