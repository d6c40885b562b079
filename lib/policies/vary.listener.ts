import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { bypassFields } from '../rules/request-fields.rule.js';

/**
 * Keeps out pages that depend on more than their key: such an address has several pages (RFC 9111, section 4.1).
 *
 * @publicApi
 */
@Injectable()
export class VaryListener {
  readonly #harmless: ReadonlySet<string>;

  constructor(@Inject(PAGE_CACHE_OPTIONS) { variants, excuseVary, requestFields, rules }: CheckedOptions) {
    const declared = variants.flatMap(({ header }) => header ?? []);
    const governed = [...bypassFields(rules.fields), ...requestFields.ignore];
    const names = ['', 'accept-encoding', ...declared, ...governed, ...excuseVary];
    this.#harmless = new Set(names.map((name) => name.toLowerCase()));
  }

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const names = event
      .header('vary')
      .flatMap((value) => value.split(','))
      .map((name) => name.trim().toLowerCase());
    if (names.some((name) => !this.#harmless.has(name))) event.skip('vary');
  }
}
