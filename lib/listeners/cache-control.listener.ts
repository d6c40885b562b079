import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../decorators/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';

/** What the application says to all shared caches, it says to this one (RFC 9111, section 5.2.2). */
@Injectable()
export class CacheControlListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const directives = event.header('cache-control').join(',').toLowerCase();
    const found = /(?:^|[,\s;])(no-store|private|no-cache)(?=$|[,\s;=])/.exec(directives)?.[1];
    if (found) event.skip(found);
  }
}
