import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { isOwnHost } from './named-host.js';
import { hostOf } from '../rules/request-head.js';
import { receivedFields } from '../page/received-request.js';

/**
 * Without `hosts`, keeps out a redirect to the host that the visitor sent in `Host`: it would lead everybody there. With `hosts`, the host
 * is in the key, and other hosts are refused.
 *
 * @publicApi
 */
@Injectable()
export class RedirectHostListener {
  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const fields = receivedFields(event.request);
    if (this.options.hosts || isOwnHost(fields.host ?? '', this.options)) return;
    const own = hostnameOf(`http://${hostOf(fields)}`);
    for (const location of event.header('location')) {
      const named = hostnameOf(location);
      if (named !== undefined && (own === undefined || named === own)) event.skip('location-host');
    }
  }
}

/** The host as browsers read it; `undefined` when the location names no host. */
function hostnameOf(location: string): string | undefined {
  const base = 'http://relative.invalid';
  if (!URL.canParse(location, base)) return undefined;
  const { hostname } = new URL(location, base);
  return hostname === 'relative.invalid' ? undefined : hostname.replace(/\.+$/, '');
}
