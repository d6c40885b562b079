import { Inject, Injectable } from '@nestjs/common';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { ReceivedRequests } from '../page/received-request.js';
import { RuleListener } from './rule-listener.js';

/**
 * Keeps out the paths that match `exclude`, and those that do not match `include`.
 *
 * @publicApi
 */
@Injectable()
export class PathExclusionListener extends RuleListener {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) { rules }: CheckedOptions,
    @Inject(ReceivedRequests) received: ReceivedRequests,
  ) {
    super(received, rules.path);
  }
}
