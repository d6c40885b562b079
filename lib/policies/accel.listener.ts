import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';

/** What an application orders nginx to do with one answer (`X-Accel-Redirect`, …; ngx_http_proxy_module): not part of a page. */
@Injectable()
export class AccelListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (event.headers.some(([name]) => /^x-accel-/i.test(name))) event.skip('x-accel');
  }
}
