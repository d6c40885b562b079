import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import { cacheControl } from '../http/cache-directives.js';
import { valuesOf } from '../http/fields.js';
import { forbiddenBy } from '../http/freshness-lifetime.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';

/**
 * Obeys `no-store`, `private` and `no-cache`: this is a shared cache (RFC 9111, section 5.2.2). If `CDN-Cache-Control` lets this cache keep a page
 * that browsers must not store, nginx must be able to tell them so on a hit.
 *
 * @publicApi
 */
@Injectable()
export class CacheControlListener {
  readonly #losesNoStore: boolean;

  constructor(@Inject(PAGE_CACHE_OPTIONS) { keepsHeaders, headers, clientCacheControl }: CheckedOptions) {
    const said = cacheControl(valuesOf(headers, 'cache-control'));
    this.#losesNoStore = !keepsHeaders && clientCacheControl === undefined && !said.has('no-store');
  }

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const forbidden = forbiddenBy((name) => event.header(name));
    if (forbidden) event.skip(forbidden);
    else if (this.#losesNoStore && cacheControl(event.header('cache-control')).has('no-store')) event.skip('no-store');
  }
}
