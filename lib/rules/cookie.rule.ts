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

/** Any cookie that is not ignored may belong to a session. */
export function foreignCookieRule(ignored: readonly NamePattern[]): Rule {
  const separator = '[\\x09\\x20;]*';
  const pair = `${anyOf(['(?!)', ...ignored.map(cookieName)])}[\\x09\\x20]*(?:=[^;]*)?(?:;${separator}|$)`;
  return { reason: 'cookie', bypassWhen: 'none matches', tests: [test('cookie', `^${separator}(?:${pair})*$`)] };
}

/** Only these cookies mean a session; all others are ignored. */
export function sessionCookieRule(session: readonly NamePattern[]): Rule {
  return {
    reason: 'cookie',
    bypassWhen: 'one matches',
    tests: session.map((name) => test('cookie', `(?:^|;)${SPACE}(?:${cookieName(name)})${SPACE}(?:[=;]|$)`)),
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
