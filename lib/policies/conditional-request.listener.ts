import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, RequestArrived } from '../events/page-cache.events.js';

/** "Only if it is still the same", which the application must say (RFC 9110, sections 13.1.1 and 13.1.4). */
const PRECONDITIONS = ['if-match', 'if-unmodified-since'];

/** "Only if it is not what I have", which a stored page can say, too (sections 13.1.2 and 13.1.3). */
const VALIDATIONS = ['if-none-match', 'if-modified-since'];

/**
 * A stored page may answer conditional and range requests. Without a stored page the application answers them, and its answer is not
 * stored: it may be less than a page.
 *
 * @publicApi
 */
@Injectable()
export class ConditionalRequestListener {
  @OnPageCache(PageRequested)
  @OnPageCache(RequestArrived)
  onRequested(event: RequestArrived): void {
    const { headers } = event.head;
    const has = (field: string) => headers[field] !== undefined;
    if (PRECONDITIONS.some(has)) event.bypass('conditional');
    else if (has('range')) event.skip('range');
    else if (VALIDATIONS.some(has)) event.skip('conditional');
  }
}
