import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';

/**
 * Keeps out responses that tell nginx to do something (`X-Accel-Redirect`, …; ngx_http_proxy_module). Such a response is not a page.
 *
 * @publicApi
 */
@Injectable()
export class AccelListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (event.headers.some(([name]) => /^x-accel-/i.test(name))) event.skip('x-accel');
  }
}
