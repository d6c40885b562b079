import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import { type StaleDirectives, staleDirectives } from '../http/stale-directives.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { StaleTimes } from '../page/stale-times.js';

/**
 * `staleWhileRevalidate`, `staleIfError`: decides how long a copy of the page may be sent after the page has expired. The response takes
 * precedence over the options, and may forbid it.
 *
 * @publicApi
 */
@Injectable()
export class StaleListener {
  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const { stale, respectCacheControl } = this.options;
    if (!stale) return;
    const said = staleDirectives((name) => event.header(name));
    if (said.isForbidden) return;
    if (respectCacheControl === false) event.draft.stale = stale;
    else event.draft.stale = timesOf(said.hasSharedMaxAge ? NEVER : stale, said, stale);
  }
}

const NEVER: StaleTimes = { whileRevalidate: 0, ifError: 0 };

/** @param isOn the times of the options: a response cannot switch on what they switch off */
function timesOf(otherwise: StaleTimes, said: StaleDirectives, isOn: StaleTimes): StaleTimes {
  const { whileRevalidate = otherwise.whileRevalidate, ifError = otherwise.ifError } = said;
  return {
    whileRevalidate: isOn.whileRevalidate > 0 ? whileRevalidate : 0,
    ifError: isOn.ifError > 0 ? ifError : 0,
  };
}
