import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import { isDecodable } from '../http/codings.js';

/**
 * Keeps out pages whose content coding cannot be undone. The cache stores pages in a coding of its own.
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
