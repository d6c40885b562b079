import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import { freshnessLifetime } from '../http/freshness-lifetime.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';

/**
 * `respectCacheControl`: keeps a page for as long as the application allows shared caches to keep it. `@PageCache({ ttl })` and `page.ttl =
 * …` take precedence. With `required`, a page without any of these is not stored.
 *
 * @publicApi
 */
@Injectable()
export class FreshnessListener {
  readonly #respect: CheckedOptions['respectCacheControl'];

  constructor(@Inject(PAGE_CACHE_OPTIONS) { respectCacheControl }: CheckedOptions) {
    this.#respect = respectCacheControl;
  }

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (this.#respect === false || event.draft.hasOwnTtl) return;
    const lifetime = freshnessLifetime((name) => event.header(name), Date.now());
    if (lifetime === 0) event.skip('stale');
    else if (lifetime !== undefined) event.draft.ttl = lifetime;
    else if (this.#respect === 'required') event.skip('no-freshness');
  }
}
