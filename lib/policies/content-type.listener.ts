import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';

/**
 * Keeps out pages whose content type nginx would get wrong: the stock module sends the type that the configuration names. A stream of
 * events is never stored, even after it has ended.
 *
 * @publicApi
 */
@Injectable()
export class ContentTypeListener {
  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const types = event.header('content-type');
    if (types.some((type) => /^\s*text\/event-stream\b/i.test(type))) event.skip('event-stream');
    else if (this.options.keepsHeaders) return;
    else if (types.length !== 1 || normal(types[0] as string) !== this.expected(event)) event.skip('content-type');
  }

  private expected({ draft }: PageResponding): string {
    return normal(this.options.contentTypes.of(draft.address.path));
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
