import { hasRanges } from '../http/byte-range.js';
import type { HeaderField } from '../http/fields.js';
import { PAGE_NONCE } from './page-nonce.js';
import type { PageFormat } from './page-format.js';
import { responseFormat } from './response-format.js';

/** Not sent to clients: it lets nginx's range filter (ngx_http_range_filter_module) divide this page, and the filter tells the clients itself. */
const ALLOW_RANGES: HeaderField = ['X-SRCache-Allow-Ranges', '1'];

/** The fields that keep policies with a nonce for each response, by the name of the policy in lower case. nginx makes the policies from them. */
export const POLICY_FIELDS: ReadonlyMap<string, string> = new Map([
  ['content-security-policy', 'X-Page-Cache-Policy'],
  ['content-security-policy-report-only', 'X-Page-Cache-Policy-Report-Only'],
]);

/**
 * The whole response with a field for srcache, as `srcache_store` would write it.
 *
 * @see https://github.com/openresty/srcache-nginx-module/blob/v0.33/src/ngx_http_srcache_headers.c
 */
export const srcacheFormat = {
  name: 'response',

  encode(page) {
    const headers = withPoliciesKept(page.headers);
    return responseFormat.encode({
      ...page,
      headers: hasRanges(page) ? [...without(headers, 'Accept-Ranges'), ALLOW_RANGES] : headers,
    });
  },

  decode(value) {
    const page = responseFormat.decode(value);
    return page && { ...page, headers: without(page.headers, ALLOW_RANGES[0]).map(withPolicyNamed) };
  },
} satisfies PageFormat;

/** Keeps policies with a nonce in one field each: nginx reads only one field of a name. */
function withPoliciesKept(headers: readonly HeaderField[]): HeaderField[] {
  const isKept = ([name, value]: HeaderField) => POLICY_FIELDS.has(name.toLowerCase()) && value.includes(PAGE_NONCE);
  const kept = [...POLICY_FIELDS].flatMap(([policy, name]): HeaderField[] => {
    const values = headers.filter((field) => isKept(field) && field[0].toLowerCase() === policy);
    return values.length === 0 ? [] : [[name, values.map(([, value]) => value).join(', ')]];
  });
  return [...headers.filter((field) => !isKept(field)), ...kept];
}

function withPolicyNamed([name, value]: HeaderField): HeaderField {
  const [policy = name] = [...POLICY_FIELDS].find(([, kept]) => kept.toLowerCase() === name.toLowerCase()) ?? [];
  return [policy, value];
}

function without(headers: readonly HeaderField[], name: string): readonly HeaderField[] {
  return headers.filter(([field]) => field.toLowerCase() !== name.toLowerCase());
}
