import type { CheckedOptions } from '../../options/checked-options.js';
import { nobodysVisit } from '../nobodys-visit.js';

/** Addresses must be shorter than this, in characters. */
const MAX_LENGTH = 2048;

/** Tells addresses of this site from those of others. */
export class OwnAddresses {
  readonly #hosts: readonly string[] | undefined;
  /** Host and port. */
  readonly #authority: string;

  /** @param named the host and port by which the caller knows the site; they count if no option names the site */
  constructor({ hosts, origin }: Pick<CheckedOptions, 'hosts' | 'origin'>, named?: string) {
    this.#hosts = hosts;
    const asked = nobodysVisit(origin, undefined).headers['host'] ?? '';
    this.#authority = origin === undefined && named !== undefined ? named : asked;
  }

  /** @returns the address as a URL; `foreign` when it belongs to another site, `invalid` when it is no address */
  read(location: string): URL | 'foreign' | 'invalid' {
    if (location.length >= MAX_LENGTH || !/^https?:\/\//i.test(location) || !URL.canParse(location)) return 'invalid';
    const url = new URL(location);
    const isOwn = this.#hosts ? this.#hosts.includes(hostOf(url)) : url.host === this.#authority;
    return isOwn ? url : 'foreign';
  }

  /** The host of a page, when it is part of its key. */
  hostOf(url: URL): string | undefined {
    return this.#hosts && hostOf(url);
  }
}

function hostOf(url: URL): string {
  return url.hostname.replace(/\.$/, '');
}
