import { type Rule, test } from './rule.js';

/**
 * The form that browsers send: a name in ASCII or an IPv6 address in brackets, and maybe a port. RFC 3986, section 3.2.2, also allows quotes and
 * ampersands, but pages that are made from them belong to somebody else.
 */
const HOST_FIELD = '^(?:[\\w.~-]+|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]*)?$';

/** A `Host` field that names no host (RFC 9112, section 3.2: answered with 400). HTTP/1.0 has none. */
export const hostFieldRule: Rule = {
  reason: 'host-field',
  bypassWhen: 'none matches',
  tests: [test('header:host', '^$'), test('header:host', HOST_FIELD)],
};

/** Whether the value of a `Host` field names a host. */
export function isHostField(value: string): boolean {
  return new RegExp(HOST_FIELD).test(value);
}
