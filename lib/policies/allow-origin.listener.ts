import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';
import { receivedFields } from '../page/received-request.js';

/**
 * A response that allows the `Origin` of one visitor must not be sent to all of them (Fetch, section 3.3.5). `excuseVary: ['Origin']` does
 * not change that.
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
