import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import { isOfOneResponse } from '../http/fields-of-one-response.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { areNoncesReplaceable, withoutNonce } from '../page/page-nonce.js';
import { namesPattern } from '../rules/cookie.rule.js';
import { FIELD_NAME } from '../rules/pattern.js';
import { CommonFields } from './common-fields.js';
import { LostHeadersReport } from './lost-headers.report.js';

/**
 * Fields whose loss changes nothing for a visitor: nginx makes its own, another policy decides about them, or they describe only the
 * response that they came with.
 */
// prettier-ignore
const HARMLESS = new Set([
  'accept-ranges', 'age', 'cache-status', 'connection', 'content-encoding', 'content-length', 'date', 'etag',
  'keep-alive', 'last-modified', 'server', 'transfer-encoding',
  'cache-control', 'cdn-cache-control', 'content-type', 'expires', 'pragma', 'set-cookie', 'vary',
  'x-powered-by',
]);

/**
 * Keeps out pages with header fields that nginx would lose, if it keeps only the body: a page without its `Content-Security-Policy` is
 * another page. Such a page is stored only if nginx sends the same field with every page (`nginx.headers`).
 *
 * @publicApi
 */
@Injectable()
export class LostHeadersListener {
  readonly #sent: ReadonlyMap<string, string> | undefined;
  readonly #excused: RegExp;
  readonly #common = new CommonFields();
  readonly #report = new LostHeadersReport();

  constructor(@Inject(PAGE_CACHE_OPTIONS) { keepsHeaders, headers, excuseHeaders }: CheckedOptions) {
    this.#excused = namesPattern(
      excuseHeaders.map((name) => name.toLowerCase()),
      FIELD_NAME,
    );
    this.#sent = keepsHeaders ? undefined : new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
  }

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (!this.#sent) return;
    const headers = areNoncesReplaceable(event.headers, event.request)
      ? event.headers.map(withoutNonce)
      : event.headers;
    const fields = headers.filter(([name]) => this.matters(name.toLowerCase()));
    this.#common.learn(fields);
    const differing = fields.filter(([name, value]) => this.#sent?.get(name.toLowerCase()) !== value);
    const lost = [...new Set(differing.map(([name]) => name.toLowerCase()))];
    // A field that nginx would add is just as much of a difference.
    const added = [...this.#sent.keys()].filter((name) => this.matters(name) && event.header(name).length === 0);
    if (lost.length + added.length === 0) return;
    event.skip(`header-${[...lost, ...added].join('+')}`);
    this.#report.report(event.draft.address.target, { lost, added }, (name) => this.#common.get(name));
  }

  /** @param name in lower case */
  private matters(name: string): boolean {
    return !HARMLESS.has(name) && !isOfOneResponse(name) && !this.#excused.test(name);
  }
}
