import { Injectable } from '@nestjs/common';
import { OnPageCache, PageRequested } from '../../lib/index.js';

/** A listener that wants to know the handler: with it, middleware, routing and interceptors come before a hit of the application. */
@Injectable()
export class RoutedHits {
  @OnPageCache(PageRequested)
  onRequested(): void {}
}
