import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, RequestArrived } from '../events/decisions.events.js';
import { PRECONDITIONS, VALIDATIONS } from '../http/fields-of-one-request.js';

/**
 * Answers conditional and range requests from a stored page. Without a stored page, the application answers them, and the response is not
 * stored, because it may not be a whole page.
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
