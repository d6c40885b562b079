import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, PageResponding, RequestArrived } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { WeighedLanguages } from '../rules/weighed-language.js';

/**
 * Checks a variant by `Accept-Language`. nginx chooses a language and replaces the field by its choice. Without nginx in front, the
 * application weighs the field itself. If both would choose different languages, the page is not stored under this key.
 *
 * @publicApi
 */
@Injectable()
export class LanguageListener {
  readonly #languages: WeighedLanguages;

  constructor(@Inject(PAGE_CACHE_OPTIONS) { variants }: CheckedOptions) {
    this.#languages = new WeighedLanguages(variants);
  }

  @OnPageCache(PageRequested)
  @OnPageCache(RequestArrived)
  onRequested(event: RequestArrived): void {
    const variant = this.#languages.contradicted(event.head, event.address.variants);
    if (variant) event.bypass(`variant-${variant.name}`);
  }

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const languages = event
      .header('content-language')
      .flatMap((value) => value.split(','))
      .map((tag) => tag.trim());
    if (languages.length === 0) return;
    const { address } = event.draft;
    for (const { name } of this.#languages.of(address)) {
      const chosen = address.variants[name] ?? '';
      if (!languages.some((tag) => isPart(tag, chosen) || isPart(chosen, tag))) event.skip(`variant-${name}`);
    }
  }
}

/** `de-CH` is a part of `de`. */
function isPart(tag: string, whole: string): boolean {
  return `${tag}-`.toLowerCase().startsWith(`${whole}-`.toLowerCase());
}
