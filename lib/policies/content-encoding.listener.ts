import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';
import { isDecodable } from '../http/codings.js';

/** A page is stored in a coding of the cache's own, so the application's must be one that can be undone. */
@Injectable()
export class ContentEncodingListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (!isDecodable(event.header('content-encoding').join())) event.skip('content-encoding');
  }
}
