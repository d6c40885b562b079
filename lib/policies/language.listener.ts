import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, PageResponding } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { weighedLanguage } from '../rules/weighed-language.js';
import { isLanguage, type Variant } from '../rules/variant.js';

/**
 * A variant by `Accept-Language`. The application weighs the field by itself; nginx has put its own choice in the place of the
 * field, but without nginx in front both may come to different languages: then it is no page of this key.
 */
@Injectable()
export class LanguageListener {
  readonly #variants: readonly Variant[];

  constructor(@Inject(PAGE_CACHE_OPTIONS) { variants }: CheckedOptions) {
    this.#variants = variants.filter(isLanguage);
  }

  @OnPageCache(PageRequested)
  onRequested(event: PageRequested): void {
    const field = event.head.headers['accept-language'];
    if (field === undefined) return;
    for (const variant of this.#variants) {
      if (weighedLanguage(field, variant) !== event.address.variants[variant.name])
        event.bypass(`variant-${variant.name}`);
    }
  }

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const languages = event
      .header('content-language')
      .flatMap((value) => value.split(','))
      .map((tag) => tag.trim());
    if (languages.length === 0) return;
    for (const { name } of this.#variants) {
      const chosen = event.draft.address.variants[name] ?? '';
      if (!languages.some((tag) => isPart(tag, chosen) || isPart(chosen, tag))) event.skip(`variant-${name}`);
    }
  }
}

/** `de-CH` is a part of `de`. */
function isPart(tag: string, whole: string): boolean {
  return `${tag}-`.toLowerCase().startsWith(`${whole}-`.toLowerCase());
}
