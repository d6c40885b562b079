import Negotiator from 'negotiator';
import type { Variant } from './variant.js';

/**
 * The value of a variant by `Accept-Language` that an application chooses: by weight (RFC 9110, section 12.5.4). The key goes by order
 * alone, as nginx does.
 */
export function weighedLanguage(field: string, { values, default: first }: Variant): string {
  const negotiator = new Negotiator({ headers: { 'accept-language': field } });
  return negotiator.language([first, ...values.filter((value) => value !== first)]) ?? first;
}
