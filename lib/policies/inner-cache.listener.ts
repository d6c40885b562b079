import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';

/**
 * Keeps out pages that come from another cache in the application (`CacheInterceptor`): they may be older than a purge.
 *
 * @see https://docs.nestjs.com/techniques/caching#auto-caching-responses
 *
 * @publicApi
 */
@Injectable()
export class InnerCacheListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (event.header('x-cache').some((value) => /^hit\b/i.test(value))) event.skip('inner-cache');
  }
}
