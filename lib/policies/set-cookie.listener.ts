import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { namesPattern } from '../rules/cookie.rule.js';

/**
 * Keeps out responses with `Set-Cookie`: the cookie belongs to one visitor (RFC 9111, section 7.3).
 *
 * @publicApi
 */
@Injectable()
export class SetCookieListener {
  readonly #excused: RegExp;

  constructor(@Inject(PAGE_CACHE_OPTIONS) { excuseCookies }: CheckedOptions) {
    this.#excused = namesPattern(excuseCookies);
  }

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    // A cookie without a name cannot be excused by its name.
    const names = event.header('set-cookie').map((cookie) => /^([^=;]*)=/.exec(cookie)?.[1]?.trim() ?? '');
    if (names.some((name) => !this.#excused.test(name))) event.skip('set-cookie');
  }
}
