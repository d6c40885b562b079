import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { areNoncesReplaceable, namedNonces } from '../page/page-nonce.js';

/**
 * Keeps out pages with a nonce. A nonce must be used only once: somebody who knows it beforehand can run scripts (Content Security Policy
 * Level 3, section 7.1). One that `pageNonce()` has made for this response is replaced in each response, on a path of `fragments`.
 *
 * @publicApi
 */
@Injectable()
export class NonceListener {
  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const { headers, request, draft } = event;
    if (namedNonces(headers).length === 0) return;
    const isRead = this.options.fragments.isUsed && this.options.fragments.has(draft.address.path);
    if (!isRead || !areNoncesReplaceable(headers, request)) event.skip('nonce');
  }
}
