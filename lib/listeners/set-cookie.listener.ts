import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../decorators/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';

/** A cookie is meant for the visitor who gets it (RFC 9111, section 7.3). */
@Injectable()
export class SetCookieListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (event.header('set-cookie').length > 0) event.skip('set-cookie');
  }
}
