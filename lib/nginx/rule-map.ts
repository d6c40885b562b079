import { type Pattern, toRegExp } from '../rules/pattern.js';
import type { Rule, Subject } from '../rules/rule.js';
import { map } from './syntax.js';
import type { SiteNames } from './variables.js';

/** The `map`s of a rule, and the variable that is its reason when the rule keeps a request away, else empty. */
export interface RuleMaps {
  readonly lines: string[];
  readonly bypass: string;
}

/** The second rendering of a rule (the first is `compile()` in rules/rule.ts). */
export function ruleMaps({ reason, bypassWhen, tests }: Rule, names: SiteNames): RuleMaps {
  const name = `bypass_${reason.replace(/-/g, '_')}`;
  const bypass = names.variable(name);
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

function patternMap(from: string, to: string, patterns: readonly Pattern[], matched: string, unmatched: string) {
  return map(from, to, [
    ['default', unmatched],
    // nginx does not try patterns on an empty value (ngx_http_map_find).
    ['', patterns.some((pattern) => toRegExp(pattern).test('')) ? matched : unmatched],
    ...patterns.map((pattern): [string, string] => [regexp(pattern), matched]),
  ]);
}

/** As the first column of a `map` has it. */
export function regexp({ source, ignoreCase }: Pattern): string {
  return `~${ignoreCase ? '*' : ''}${source}`;
}
