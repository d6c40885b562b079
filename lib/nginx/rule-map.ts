import { type Pattern, toRegExp } from '../rules/pattern.js';
import type { Exception, Rule, Subject } from '../rules/rule.js';
import { map } from './syntax.js';
import type { SiteNames } from './variables.js';

/** The `map`s of a rule, and the variable with its reason. The variable is empty unless the rule keeps the request away. */
export interface RuleMaps {
  readonly lines: string[];
  readonly bypass: string;
}

/**
 * Writes a rule for nginx. (`compile()` in rules/rule.ts makes the same rule for the application.)
 *
 * @param name the name of its variable
 */
export function ruleMaps(rule: Rule, names: SiteNames, name = variableOf(rule)): RuleMaps {
  const { reason, bypassWhen, tests, except } = rule;
  const bypass = names.variable(name);
  if (except) {
    const own = ruleMaps({ ...rule, except: undefined }, names, withoutException(name));
    const lines = map(names.variable(except.name), bypass, [
      ['default', ''],
      ['', own.bypass],
    ]);
    return { lines: [...own.lines, ...lines], bypass };
  }
  const verdict = `${reason} `;
  const [matched, unmatched] = bypassWhen === 'one matches' ? [verdict, ''] : ['', verdict];
  const subjects = [...new Set(tests.map(({ subject }) => subject))];
  const patternsOf = (subject: Subject) =>
    tests.filter((test) => test.subject === subject).map(({ pattern }) => pattern);

  const [only] = subjects;
  if (only === undefined) return { lines: map('""', bypass, [['default', unmatched]]), bypass };
  if (subjects.length === 1) {
    return { lines: patternMap(names.subject(only), bypass, patternsOf(only), matched, unmatched), bypass };
  }
  const parts = subjects.map((_, index) => names.variable(`${name}_${index}`));
  const lines = subjects.flatMap((subject, index) =>
    patternMap(names.subject(subject), `${parts[index]}`, patternsOf(subject), 'yes', ''),
  );
  const joined = map(`"${parts.join('')}"`, bypass, [
    ['default', matched],
    ['', unmatched],
  ]);
  return { lines: [...lines, ...joined], bypass };
}

/** The variable with what a rule would say if it had no exception. */
export function ownVerdict(rule: Rule, names: SiteNames): string {
  return names.variable(withoutException(variableOf(rule)));
}

function variableOf({ reason }: Rule): string {
  return `bypass_${reason.replace(/-/g, '_')}`;
}

function withoutException(name: string): string {
  return name.replace(/^bypass/, 'own');
}

/** The `map`s of an exception. Its variable is empty where the rule applies. */
export function exceptionMaps({ name, rules }: Exception, names: SiteNames): string[] {
  const all = rules.map((rule, index) => ruleMaps(rule, names, `${name}_${index}`));
  const kept = map(`"${all.map(({ bypass }) => bypass).join('')}"`, names.variable(name), [
    ['default', 'yes'],
    ['', ''],
  ]);
  return [...all.flatMap(({ lines }) => lines), ...kept];
}

function patternMap(from: string, to: string, patterns: readonly Pattern[], matched: string, unmatched: string) {
  return map(from, to, [
    ['default', unmatched],
    // nginx does not try patterns on an empty value (ngx_http_map_find).
    ['', patterns.some((pattern) => toRegExp(pattern).test('')) ? matched : unmatched],
    ...patterns.map((pattern): [string, string] => [regexp(pattern), matched]),
  ]);
}

/** A pattern as it is written in the first column of a `map`. */
export function regexp({ source, ignoreCase }: Pattern): string {
  return `~${ignoreCase ? '*' : ''}${source}`;
}
