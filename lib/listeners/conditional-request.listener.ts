import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../decorators/on-page-cache.decorator.js';
import { PageRequested } from '../events/page-cache.events.js';

/** Fields that ask for less than the page (RFC 9110, section 13.1). nginx takes them off when it wants a page. */
const CONDITIONS = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since'];

/** Conditional and partial requests are the application's own affair. */
@Injectable()
export class ConditionalRequestListener {
  @OnPageCache(PageRequested)
  onRequested(event: PageRequested): void {
    const { headers } = event.head;
    if (headers.range !== undefined) event.bypass('range');
    else if (CONDITIONS.some((field) => headers[field] !== undefined)) event.bypass('conditional');
  }
}
