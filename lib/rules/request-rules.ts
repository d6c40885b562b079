import { authorizationRule } from './authorization.rule.js';
import { bypassHeaderRule } from './bypass-header.rule.js';
import { canonicalPathRule, type TrailingSlash } from './canonical-path.rule.js';
import { contentRule } from './content.rule.js';
import { foreignCookieRule, type NamePattern, sessionCookieRule } from './cookie.rule.js';
import { depthRule } from './depth.rule.js';
import { fileNameRule } from './file-name.rule.js';
import { hostFieldRule } from './host-field.rule.js';
import { hostRule } from './host.rule.js';
import { methodRule } from './method.rule.js';
import { excludedRule, includedRule, type PathPattern } from './path.rule.js';
import { type AllowedParameter, queryRule } from './query.rule.js';
import { type RequestFieldOptions, requestFieldRules } from './request-fields.rule.js';
import type { Exception, Rule } from './rule.js';
import { upgradeRule } from './upgrade.rule.js';
import { type Variant, variantRule } from './variant.js';

/** What the rules are made from: the part of the checked options that nginx must know as well. */
export interface RuleOptions {
  readonly cookies: { readonly session: readonly NamePattern[] } | { readonly ignored: readonly NamePattern[] } | 'any';
  readonly include: readonly PathPattern[] | undefined;
  readonly exclude: readonly PathPattern[];
  /** Pages that are the same for every visitor. */
  readonly shared?: readonly PathPattern[];
  readonly query: { readonly allow: readonly AllowedParameter[]; readonly ignore: readonly NamePattern[] };
  readonly hosts: readonly string[] | undefined;
  readonly variants?: readonly Variant[];
  readonly requestFields?: RequestFieldOptions;
  readonly trailingSlash?: TrailingSlash;
  readonly bypassToken?: string | undefined;
  /** Whether keys become names of files. */
  readonly inFiles?: boolean;
}

/** Every rule, by the decision that it makes: each listener takes its own rules, and nginx takes them all. */
export interface RequestRules {
  /** Which requests can be for a page at all. */
  readonly addressable: readonly Rule[];
  readonly anonymous: readonly Rule[];
  /** The rules of `anonymous`, applied to requests for shared pages; empty when there are no shared pages. */
  readonly personal: readonly Rule[];
  /** The paths of shared pages, where `anonymous` does not apply. */
  readonly shared: Exception | undefined;
  /** Request fields that a page may depend on and that are no part of its key. */
  readonly fields: readonly Rule[];
  readonly path: readonly Rule[];
}

export function requestRules(options: RuleOptions): RequestRules {
  const { cookies, include, exclude, query, hosts, variants = [], trailingSlash = 'forbid', bypassToken } = options;
  const personal = [authorizationRule, ...cookieRules(cookies, variants)];
  const shared = sharedPaths(options.shared ?? []);
  const parameters = query.allow.map(({ name }) => name);
  return {
    addressable: [
      methodRule,
      upgradeRule,
      contentRule,
      hostFieldRule,
      ...(hosts ? [hostRule(hosts)] : []),
      canonicalPathRule(trailingSlash),
      queryRule(query.allow, query.ignore),
      ...(options.inFiles ? [depthRule(parameters)] : []),
      ...(options.inFiles && parameters.length > 0 ? [fileNameRule(parameters)] : []),
      ...variants.map(variantRule).filter((rule) => rule !== undefined),
      ...(bypassToken === undefined ? [] : [bypassHeaderRule(bypassToken)]),
    ],
    anonymous: shared ? personal.map((rule) => ({ ...rule, except: shared })) : personal,
    personal: shared ? personal : [],
    shared,
    fields: requestFieldRules(options.requestFields ?? { bypass: [], ignore: [] }),
    path: [...(exclude.length > 0 ? [excludedRule(exclude)] : []), ...(include ? [includedRule(include)] : [])],
  };
}

function sharedPaths(paths: readonly PathPattern[]): Exception | undefined {
  return paths.length > 0 ? { name: 'shared', rules: [{ ...excludedRule(paths), reason: 'shared' }] } : undefined;
}

function cookieRules(cookies: RuleOptions['cookies'], variants: readonly Variant[]): Rule[] {
  if (cookies === 'any') return [];
  if ('session' in cookies) return [sessionCookieRule(cookies.session)];
  const ofVariants = variants.flatMap(({ cookie }) => (cookie === undefined ? [] : [cookie]));
  return [foreignCookieRule([...cookies.ignored, ...ofVariants])];
}

/** All rules, in order. The first one that keeps a request away from the cache tells why. */
export function allRules({ addressable, anonymous, fields, path }: RequestRules): Rule[] {
  return [...addressable, ...anonymous, ...fields, ...path];
}
