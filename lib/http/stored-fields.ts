import { HOP_BY_HOP } from './fields-of-one-request.js';
import type { HeaderField } from './fields.js';
import { isOfOneResponse } from './fields-of-one-response.js';

/**
 * Hop-by-hop fields (RFC 9110, section 7.6.1), and those that belong to one response and not to the page. The `Date` that a page is stored with
 * includes its `Age`.
 */
const NOT_OF_THE_PAGE = new Set<string>([
  ...HOP_BY_HOP,
  'proxy-authenticate',
  'proxy-authentication-info',
  'age',
  'set-cookie',
  'cache-status',
  'content-length',
  'content-encoding',
  // nginx passes them on from no server behind it (proxy_hide_header).
  'server',
  'x-pad',
]);

/** The fields of a response that are stored with the page (RFC 9111, section 3.1). */
export function storedFields(fields: readonly HeaderField[]): HeaderField[] {
  const named = fields
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((name) => name.trim());
  return fields.filter(([field]) => {
    const name = field.toLowerCase();
    return !NOT_OF_THE_PAGE.has(name) && !named.includes(name) && !isOfOneResponse(name);
  });
}
