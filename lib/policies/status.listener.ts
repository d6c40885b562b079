import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import { freshnessLifetime } from '../http/freshness-lifetime.js';
import { isStorableWhenFresh } from '../http/storable-statuses.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';

/**
 * Keeps out statuses that are not in `statuses`. If the status is stored with the page, other statuses with explicit freshness are stored
 * as well (RFC 9111, section 3).
 *
 * @publicApi
 */
@Injectable()
export class StatusListener {
  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (!this.options.statuses.has(event.status) && !this.isFresh(event)) event.skip(`status-${event.status}`);
  }

  private isFresh(event: PageResponding): boolean {
    const { keepsHeaders, respectCacheControl } = this.options;
    if (!keepsHeaders || !respectCacheControl || !isStorableWhenFresh(event.status)) return false;
    return (freshnessLifetime((name) => event.header(name), Date.now()) ?? 0) > 0;
  }
}
