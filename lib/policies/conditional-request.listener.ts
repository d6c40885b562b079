import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, RequestArrived } from '../events/page-cache.events.js';
import { PRECONDITIONS, VALIDATIONS } from '../http/fields-of-one-request.js';

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
