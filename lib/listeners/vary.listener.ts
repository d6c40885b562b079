import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../decorators/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';

/** A page that depends on more than its key is not one page (RFC 9111, section 4.1). */
@Injectable()
export class VaryListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const names = event
      .header('vary')
      .flatMap((value) => value.split(','))
      .map((name) => name.trim().toLowerCase());
    if (names.some((name) => name !== '' && name !== 'accept-encoding')) event.skip('vary');
  }
}
