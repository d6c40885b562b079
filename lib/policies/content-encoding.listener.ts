import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';
import { isDecodable } from '../http/codings.js';

/**
 * The cache stores pages in a coding of its own. So it must be able to undo the coding that the application has used.
 *
 * @publicApi
 */
@Injectable()
export class ContentEncodingListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (!isDecodable(event.header('content-encoding').join())) event.skip('content-encoding');
  }
}
