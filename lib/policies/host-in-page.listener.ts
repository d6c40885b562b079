import { Inject, Injectable, Logger } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRendered, PageResponding } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { isOwnHost, namedHosts } from './named-host.js';

/** On a developer's machine, pages may mention such a name themselves: only an address, or the port, tells that it is the request's host. */
const LOOPBACK = /^(?:localhost|.*\.localhost|127(?:\.\d+){3}|\[::1\])$/;

/**
 * Without `hosts`, keeps out pages that contain the host of the request. Anybody can send any host, and a page with `<script
 * src="//evil.example/a.js">` would attack every later visitor. With `hosts`, the host is in the key, and other hosts are refused.
 *
 * @publicApi
 */
@Injectable()
export class HostInPageListener {
  readonly #logger = new Logger('PageCache');
  #reported = false;

  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const hosts = this.foreign(event).map((host) => host.toLowerCase());
    if (hosts.length === 0) return;
    const fields = event.headers.map(([, value]) => value.toLowerCase());
    if (hosts.some((host) => fields.some((value) => signsOf(host).some((sign) => value.includes(sign)))))
      this.skip(event);
  }

  @OnPageCache(PageRendered)
  onRendered(event: PageRendered): void {
    const { body } = event.page;
    // The hosts as they were sent, and as a URL has them.
    const hosts = new Set(this.foreign(event).flatMap((host) => [host, host.toLowerCase()]));
    const shows = (text: string) => body.includes(text, 0, 'latin1');
    // Every sign contains the name, and few pages contain that.
    if ([...hosts].some((host) => shows(nameOf(host)) && signsOf(host).some(shows))) this.skip(event);
  }

  private foreign({ request }: PageResponding | PageRendered): string[] {
    if (this.options.hosts) return [];
    return namedHosts(request).filter((host) => !isOwnHost(host, this.options));
  }

  private skip(event: PageResponding | PageRendered): void {
    event.skip('host-in-page');
    if (this.#reported) return;
    this.#reported = true;
    this.#logger.warn(
      `${event.draft.address.path} shows the host of its request, which any visitor can choose, so it is not cached (detail=host-in-page). ` +
        'Set hosts to the names of the site, or origin if all its links use one name. Reported once.',
    );
  }
}

/** @param host the host, with its port if it has one */
function nameOf(host: string): string {
  return host.replace(/:\d*$/, '');
}

function signsOf(host: string): string[] {
  const name = nameOf(host);
  if (!LOOPBACK.test(name.toLowerCase())) return [name];
  const addresses = ['//', '\\/\\/', '%2F%2F', '%2f%2f'].map((slashes) => slashes + name);
  return name === host ? addresses : [...addresses, host];
}
