import type { NamePattern } from './cookie.rule.js';
import { nameGlob } from './glob.js';
import { anyOf, literal, PARAMETER_NAME, PARAMETER_VALUE } from './pattern.js';
import { nameRegExp } from './portable-regexp.js';
import { type Rule, test } from './rule.js';

/**
 * The default of `query.ignore`: parameters that only tell where a visitor came from.
 *
 * @publicApi
 */
// prettier-ignore
export const DEFAULT_IGNORED_PARAMETERS: readonly string[] = [
  'utm_*', 'gclid', 'gclsrc', 'gbraid', 'wbraid', 'dclid', 'fbclid', 'msclkid', 'twclid', 'ttclid', 'li_fat_id',
  'igshid', 'mc_cid', 'mc_eid', '_ga', '_gl', 'pk_*', 'mtm_*', 'yclid',
];

/**
 * A value in the normal form of RFC 3986, section 6.2.2: unreserved bytes are not encoded, hex digits are upper case.
 * Quotes, angle brackets and control bytes are not in it.
 */
const UNRESERVED = '(?:2D|2E|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])';
const VALUE = `(?:[!$(-;=?-\\[\\]-~]|%(?!${UNRESERVED})[2-9A-F][0-9A-F])*`;

/** A parameter that belongs to the page. */
export interface AllowedParameter {
  readonly name: string;
  /** Its allowed values; a request with another value bypasses the cache. Default: any value in normal form. */
  readonly values?: RegExp;
}

/** `query.allow`: names, or patterns of values by name. */
export type AllowedParameters = readonly string[] | Readonly<Record<string, RegExp>>;

export function allowedParameters(allow: AllowedParameters = []): AllowedParameter[] {
  if (isList(allow)) return [...new Set(allow)].map((name) => ({ name }));
  return Object.entries(allow).map(([name, values]) => ({ name, values }));
}

function isList(allow: AllowedParameters): allow is readonly string[] {
  return Array.isArray(allow);
}

/**
 * A query may contain allowed parameters, each once, and ignored ones. Anything else may change the page.
 *
 * As with cookies, the patterns only look ahead, so that each parameter is taken in one way.
 */
export function queryRule(allow: readonly AllowedParameter[], ignore: readonly NamePattern[]): Rule {
  const begins = allow.map(({ name, values }) => `${literal(name)}=${values ? among(values) : ''}`);
  const allowed = begins.length > 0 ? [`${anyOf(begins)}${VALUE}(?:&|$)`] : [];
  const ignored = ignore.length > 0 ? [`(?:${ignore.map(parameterName).join('|')})(?:[=&#]|$)`] : [];
  const twice = allow.map(({ name }) => `(?!(?:.*&)?${literal(name)}=.*&${literal(name)}=)`).join('');
  const parameter = `(?=${['(?!)', ...allowed, ...ignored].join('|')})[^&#]*`;
  return {
    reason: 'query',
    bypassWhen: 'none matches',
    tests: [test('query', `^${twice}(?:${parameter}(?:&(?!$)|$))*$`)],
  };
}

/** Matches where one of the values follows. */
function among(values: RegExp): string {
  return `(?=(?:${nameRegExp(values, PARAMETER_VALUE)})(?:[&#]|$))`;
}

/** Captures the value of an allowed parameter in a query. This is the only capture of the project. */
export function parameterSource(name: string, group: string): string {
  return `(?:^|&)${literal(name)}=(?<${group}>[^&]*)`;
}

function parameterName(pattern: NamePattern): string {
  return typeof pattern === 'string' ? nameGlob(pattern, PARAMETER_NAME) : nameRegExp(pattern, PARAMETER_NAME);
}
