import { authorizationRule } from './authorization.rule.js';
import { canonicalPathRule } from './canonical-path.rule.js';
import { foreignCookieRule, type NamePattern, sessionCookieRule } from './cookie.rule.js';
import { hostRule } from './host.rule.js';
import { methodRule } from './method.rule.js';
import { excludedRule, includedRule, type PathPattern } from './path.rule.js';
import { queryRule } from './query.rule.js';
import type { Rule } from './rule.js';
import { upgradeRule } from './upgrade.rule.js';

/** What the rules are made from: the part of the checked options that nginx must know as well. */
export interface RuleOptions {
  readonly cookies: { readonly session: readonly NamePattern[] } | { readonly ignored: readonly NamePattern[] } | 'any';
  readonly include: readonly PathPattern[] | undefined;
  readonly exclude: readonly PathPattern[];
  readonly query: { readonly allow: readonly string[]; readonly ignore: readonly NamePattern[] };
  readonly hosts: readonly string[] | undefined;
}

/** Every rule by the decision it makes: the listeners take theirs from here, nginx takes them all. */
export interface RequestRules {
  /** What can be asked for at all. */
  readonly addressable: readonly Rule[];
  readonly anonymous: readonly Rule[];
  readonly path: readonly Rule[];
}

export function requestRules({ cookies, include, exclude, query, hosts }: RuleOptions): RequestRules {
  return {
    addressable: [
      methodRule,
      upgradeRule,
      ...(hosts ? [hostRule(hosts)] : []),
      canonicalPathRule,
      queryRule(query.allow, query.ignore),
    ],
    anonymous: [authorizationRule, ...cookieRules(cookies)],
    path: [...(exclude.length > 0 ? [excludedRule(exclude)] : []), ...(include ? [includedRule(include)] : [])],
  };
}

function cookieRules(cookies: RuleOptions['cookies']): Rule[] {
  if (cookies === 'any') return [];
  return ['session' in cookies ? sessionCookieRule(cookies.session) : foreignCookieRule(cookies.ignored)];
}

/** The rules one after the other, as one question: why does the request bypass the cache, if it does? */
export function allRules({ addressable, anonymous, path }: RequestRules): Rule[] {
  return [...addressable, ...anonymous, ...path];
}
