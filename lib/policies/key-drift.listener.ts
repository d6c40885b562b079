import { Inject, Injectable, Logger } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PAGE_KEY_HEADER, RULES_HEADER } from '../page/page-key-header.js';

/** What nginx has decided for a request stands; a page that it would look for under another key is not stored. */
@Injectable()
export class KeyDriftListener {
  readonly #logger = new Logger('PageCache');
  #reported = false;

  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageRequested)
  onRequested(event: PageRequested): void {
    // Where no nginx reads the store, only a visitor can have sent it.
    if (this.options.flavour === undefined) return;
    const key = event.head.headers[PAGE_KEY_HEADER.toLowerCase()];
    if (key === undefined) return;
    const rules = event.head.headers[RULES_HEADER.toLowerCase()];
    const isSameRules = rules === undefined || rules === this.options.rulesDigest;
    if (key === event.address.key && isSameRules) return;
    // With a reason behind it; no key holds a space.
    if (/^bypass(?: |$)/.test(key.toString())) return event.bypass(event.skipped ?? 'nginx');
    event.bypass('key-drift');
    if (this.#reported) return;
    this.#reported = true;
    const looked = `nginx looked for ${JSON.stringify(key.slice(0, 300))}`;
    this.#logger.error(
      (key !== event.address.key
        ? `${looked} where the application stores ${JSON.stringify(event.address.key)}. `
        : `${looked} by other rules than those of the application. `) +
        'Nothing is cached until both have the same options: write the configuration again with nginxConf() and reload nginx.',
    );
  }
}
