import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';

/**
 * nginx's stock module sends one content type with every page: a page of another type would come back wrong. A stream of
 * events is no page anywhere, even when it has ended.
 */
@Injectable()
export class ContentTypeListener {
  readonly #only: string | undefined;

  constructor(@Inject(PAGE_CACHE_OPTIONS) { keepsHeaders, contentType }: CheckedOptions) {
    this.#only = keepsHeaders ? undefined : normal(contentType);
  }

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const types = event.header('content-type');
    if (types.some((type) => /^\s*text\/event-stream\b/i.test(type))) event.skip('event-stream');
    else if (this.#only === undefined) return;
    else if (types.length !== 1 || normal(types[0] as string) !== this.#only) event.skip('content-type');
  }
}

/** Case, spaces and quotes make no difference (RFC 9110, section 8.3.1). */
function normal(type: string): string {
  return type
    .toLowerCase()
    .replace(/\s*;\s*/g, ';')
    .replace(/="([^"]*)"/g, '=$1')
    .trim();
}
