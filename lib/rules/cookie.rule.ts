import { nameGlob } from './glob.js';
import { anyOf, COOKIE_NAME, type Scope } from './pattern.js';
import { nameRegExp } from './portable-regexp.js';
import { type Rule, test } from './rule.js';

/**
 * Names of cookies or parameters: a name in which `*` stands for any characters, or a regular expression that is matched against the name.
 *
 * @publicApi
 */
export type NamePattern = string | RegExp;

/**
 * The default of `anonymousOnly.ignoreCookies`: cookies for analytics and advertising, which only scripts in the browser read. Cookies that
 * store a visitor's consent are not in the list, because servers act on them.
 *
 * @publicApi
 */
// prettier-ignore
export const DEFAULT_IGNORED_COOKIES: readonly string[] = [
  '_ga', '_ga_*', '_gid', '_gat', '_gat_*', '_gac_*', '_gcl_*', '_dc_gtm_*', '__utm*', // Google
  '_fbp', '_fbc', // Meta
  '_pk_*', 'mtm_*', // Matomo
  '_hj*', '_clck', '_clsk', '_uetsid', '_uetvid', // Hotjar, Microsoft
  '__hs*', 'hubspotutk', // HubSpot
];

/** The characters that cookie parsers trim. Some use `String.prototype.trim()`, for which byte A0 is a space. */
const SPACE = '[\\x09\\x20\\xA0]*';

/**
 * Any cookie that is not ignored may belong to a session.
 *
 * A name that several patterns match would be tried in each way, and with every cookie the number of ways would double. So the patterns only look
 * ahead, and each cookie and each separator is taken in one way.
 */
export function foreignCookieRule(ignored: readonly NamePattern[]): Rule {
  const separator = '[\\x09\\x20;]*';
  const isIgnored = `(?=${anyOf(['(?!)', ...ignored.map(cookieName)])}(?:[\\x09\\x20;=]|$))`;
  const pair = `(?![\\x09\\x20;])${isIgnored}${COOKIE_NAME.any}*[\\x09\\x20]*(?:=[^;]*)?(?:;${separator}|$)`;
  return { reason: 'cookie', bypassWhen: 'none matches', tests: [test('cookie', `^${separator}(?:${pair})*$`)] };
}

/**
 * Only these cookies mean a session; all others are ignored.
 *
 * Parsers do not agree whether byte A0 is a space. So a name begins behind the first tabs and spaces, behind the last ones, or behind the bytes A0
 * that follow. It is not tried at every byte A0, and only where nothing but spaces stands between the name and the `=`.
 */
export function sessionCookieRule(session: readonly NamePattern[]): Rule {
  const isWhole = `(?=${SPACE}(?![\\x09\\x20\\xA0])(?:\\xA0*[^=;\\x09\\x20\\xA0])*${SPACE}(?:[=;]|$))`;
  const before = `[\\x09\\x20]*(?![\\x09\\x20])${isWhole}(?:${SPACE}[\\x09\\x20](?!\\xA0*[\\x09\\x20]))?(?:\\xA0{1,}(?!\\xA0))?`;
  return {
    reason: 'cookie',
    bypassWhen: 'one matches',
    tests: session.map((name) => test('cookie', `(?:^|;)${before}(?:${cookieName(name)})${SPACE}(?:[=;]|$)`)),
  };
}

/** The names that one of the patterns matches. */
export function namesPattern(patterns: readonly NamePattern[], scope: Scope = COOKIE_NAME): RegExp {
  return new RegExp(`^(?:${['(?!)', ...patterns.map((pattern) => name(pattern, scope))].join('|')})$`);
}

function cookieName(pattern: NamePattern): string {
  return name(pattern, COOKIE_NAME);
}

function name(pattern: NamePattern, scope: Scope): string {
  return typeof pattern === 'string' ? nameGlob(pattern, scope) : nameRegExp(pattern, scope);
}
