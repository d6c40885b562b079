import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import { forbiddenBy } from '../http/freshness-lifetime.js';

/**
 * Obeys `no-store`, `private` and `no-cache`: this is a shared cache (RFC 9111, section 5.2.2).
 *
 * @publicApi
 */
@Injectable()
export class CacheControlListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const forbidden = forbiddenBy((name) => event.header(name));
    if (forbidden) event.skip(forbidden);
  }
}
