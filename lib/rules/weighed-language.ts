import Negotiator from 'negotiator';
import type { RequestHead } from './request-head.js';
import { isLanguage, type Variant, variesBy } from './variant.js';

/** The variants by `Accept-Language`. */
export class WeighedLanguages {
  readonly #variants: readonly { readonly variant: Variant; readonly varies: ReturnType<typeof variesBy> }[];

  constructor(variants: readonly Variant[]) {
    this.#variants = variants.filter(isLanguage).map((variant) => ({ variant, varies: variesBy(variant) }));
  }

  /** The variants that make a difference for the page of a request or of a path. */
  of(request: Pick<RequestHead, 'target'>): Variant[] {
    return this.#variants.flatMap(({ variant, varies }) => (varies(request) ? [variant] : []));
  }

  /** The first variant for which an application would choose another value than the key has. */
  contradicted(request: RequestHead, key: Readonly<Record<string, string>>): Variant | undefined {
    const field = request.headers['accept-language'];
    if (field === undefined) return undefined;
    return this.of(request).find((variant) => weighedLanguage(field, variant) !== key[variant.name]);
  }
}

/**
 * The value of a variant that an application chooses by `Accept-Language`: by weight (RFC 9110, section 12.5.4). The key follows only the order, as
 * nginx does.
 */
function weighedLanguage(field: string, { values, default: first }: Variant): string {
  const negotiator = new Negotiator({ headers: { 'accept-language': field } });
  return negotiator.language([first, ...values.filter((value) => value !== first)]) ?? first;
}
