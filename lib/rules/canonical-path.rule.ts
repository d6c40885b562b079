import { type Rule, test } from './rule.js';

/**
 * The bytes that a browser sends percent-encoded in a path and that may then be part of a cached address: WHATWG URL, path percent-encode set, and
 * "%" itself. Control bytes, `%2F` and `%5C` may be encoded as well, but are left out: nginx, proxies and routers take them apart differently.
 */
const ENCODED = '(?:2[0235]|3[CEF]|5E|60|7[BDF]|[89A-F][0-9A-F])';

/** The bytes that a browser sends as they are. */
const PLAIN = "!$&'()*+,\\-.\\/0-9:;=@A-Z\\[\\]_a-z|~";

/**
 * Only the form of a path that a browser sends can be a page: everything else is an alias of it, or an attack. Whether the static parts have the
 * route's own letters is decided where the route is known.
 */
export function canonicalPathRule(trailingSlash: TrailingSlash): Rule {
  const form = `^[^/]|^$|[^%${PLAIN}]|%(?!${ENCODED})|//|/\\.{1,2}(?:/|$)`;
  const end = { forbid: ['[^/]/$'], require: ['/[^/.]+$'], allow: [] }[trailingSlash];
  return { reason: 'alias', bypassWhen: 'one matches', tests: [test('path', [form, ...end].join('|'))] };
}

/**
 * Whether addresses end in a slash. With `forbid` and `require`, the other form is an alias; with `allow`, both are pages. (A last segment
 * with a dot, such as `/feed.xml`, needs no slash.)
 *
 * @publicApi
 */
export type TrailingSlash = 'forbid' | 'require' | 'allow';

/** The forms in which a canonical path is a page. */
export function pathForms(path: string, trailingSlash: TrailingSlash): string[] {
  const bare = path.replace(/(?<=.)\/$/, '');
  if (bare === '/' || trailingSlash === 'forbid') return [bare];
  const slashed = `${bare}/`;
  if (trailingSlash === 'allow') return [bare, slashed];
  return [/\.[^/]*$/.test(bare) ? bare : slashed];
}

const PLAIN_BYTE = new RegExp(`[${PLAIN}]`);

/**
 * One segment of a path in its canonical form: the inverse of percent-decoding.
 *
 * @param segment decoded text, e.g. the value of a route parameter
 */
export function canonicalSegment(segment: string): string {
  return Array.from(Buffer.from(segment, 'utf8'), (code) => {
    const char = String.fromCharCode(code);
    return char !== '/' && PLAIN_BYTE.test(char) ? char : `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}
