import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { mayBeEmpty } from '../page/page.js';

/**
 * Keeps out empty and oversize pages as soon as the header shows their length. If the header has no length, the bytes of the content are
 * counted.
 *
 * @publicApi
 */
@Injectable()
export class SizeListener {
  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const [length] = event.header('content-length');
    if (length === undefined) return;
    if (Number(length) === 0 && !mayBeEmpty(event.status)) event.skip('empty');
    else if (!(Number(length) <= this.options.maxPageBytes)) event.skip('size');
  }
}
