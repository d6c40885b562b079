import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';
import { isOfOneResponse } from '../http/fields-of-one-response.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';

/**
 * Fields whose loss changes nothing for a visitor: nginx makes its own, another policy decides about them, or they describe
 * the one response that they came with.
 */
// prettier-ignore
const HARMLESS = new Set([
  'accept-ranges', 'age', 'cache-status', 'connection', 'content-encoding', 'content-length', 'date', 'etag',
  'keep-alive', 'last-modified', 'server', 'transfer-encoding',
  'cache-control', 'cdn-cache-control', 'content-type', 'expires', 'pragma', 'set-cookie', 'vary',
  'x-powered-by',
]);

/**
 * Where nginx keeps the body alone, a header field is lost: a page without its `Content-Security-Policy` is another page. It is
 * stored only if nginx sends the same field with every page (`nginx.headers`).
 */
@Injectable()
export class LostHeadersListener {
  readonly #sent: ReadonlyMap<string, string> | undefined;
  readonly #excused: ReadonlySet<string>;

  constructor(@Inject(PAGE_CACHE_OPTIONS) { keepsHeaders, headers, excuseHeaders }: CheckedOptions) {
    this.#sent = keepsHeaders ? undefined : new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
    this.#excused = new Set([...HARMLESS, ...excuseHeaders.map((name) => name.toLowerCase())]);
  }

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (!this.#sent) return;
    for (const [field, value] of event.headers) {
      const name = field.toLowerCase();
      if (isOfOneResponse(name) || this.#excused.has(name)) continue;
      if (this.#sent.get(name) !== value) return event.skip(`header-${name}`);
    }
    // What nginx would add is as much of a difference.
    for (const name of this.#sent.keys()) {
      if (isOfOneResponse(name) || this.#excused.has(name)) continue;
      if (event.header(name).length === 0) return event.skip(`header-${name}`);
    }
  }
}
