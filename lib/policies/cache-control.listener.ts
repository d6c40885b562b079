import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';
import { forbiddenBy } from '../http/freshness-lifetime.js';

/** What the application says to all shared caches, it says to this one (RFC 9111, section 5.2.2). */
@Injectable()
export class CacheControlListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const forbidden = forbiddenBy((name) => event.header(name));
    if (forbidden) event.skip(forbidden);
  }
}
