import { Inject, Injectable } from '@nestjs/common';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { ReceivedRequests } from '../page/received-request.js';
import { RuleListener } from './rule-listener.js';

/**
 * `requestFields.bypass`: a request with credentials, or for a part of a page, gets no stored page and stores none.
 *
 * @publicApi
 */
@Injectable()
export class RequestFieldsListener extends RuleListener {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) { rules }: CheckedOptions,
    @Inject(ReceivedRequests) received: ReceivedRequests,
  ) {
    super(received, rules.fields);
  }
}
