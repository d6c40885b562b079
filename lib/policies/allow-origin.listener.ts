import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import { receivedFields } from '../page/received-request.js';

/**
 * Keeps out responses that allow the `Origin` of one visitor: they must not be sent to everybody (Fetch, section 3.3.5). `excuseVary:
 * ['Origin']` does not change that.
 *
 * @publicApi
 */
@Injectable()
export class AllowOriginListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const allowed = event.header('access-control-allow-origin');
    if (allowed.length === 0) return;
    const origin = receivedFields(event.request).origin?.toLowerCase();
    if (allowed.some((value) => value.toLowerCase() === origin)) event.skip('allow-origin');
  }
}
