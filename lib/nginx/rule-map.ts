import { type Pattern, toRegExp } from '../rules/pattern.js';
import type { Rule } from '../rules/rule.js';
import { map } from './syntax.js';
import type { SiteNames } from './variables.js';

/** The `map`s of a rule, and the text that is its reason when the rule keeps a request away, else empty. */
export interface RuleMaps {
  readonly lines: string[];
  readonly bypass: string;
}

/** The second rendering of a rule (the first is `compile()` in rules/rule.ts). */
export function ruleMaps({ reason, bypassWhen, tests }: Rule, names: SiteNames): RuleMaps {
  const name = `bypass_${reason.replace(/-/g, '_')}`;
  const subjects = [...new Set(tests.map(({ subject }) => subject))];
  const bypassOnMatch = bypassWhen === 'one matches';
  const single = subjects.length === 1;
  const verdict = `${reason} `;
  const variables = subjects.map((subject) => names.variable(single ? name : `${name}_${subject}`));
  const lines = subjects.flatMap((subject, index) => {
    const matched = bypassOnMatch ? verdict : single ? '' : 'yes';
    const unmatched = !bypassOnMatch && single ? verdict : '';
    const patterns = tests.filter((test) => test.subject === subject).map(({ pattern }) => pattern);
    return map(names.subject(subject), `${variables[index]}`, [
      ['default', unmatched],
      // nginx does not try patterns on an empty value (ngx_http_map_find).
      ['', patterns.some((pattern) => toRegExp(pattern).test('')) ? matched : unmatched],
      ...patterns.map((pattern): [string, string] => [regexp(pattern), matched]),
    ]);
  });
  if (bypassOnMatch || single) return { lines, bypass: variables.join('') };
  const none = map(`"${variables.join('')}"`, names.variable(name), [
    ['default', ''],
    ['', verdict],
  ]);
  return { lines: [...lines, ...none], bypass: names.variable(name) };
}

function regexp({ source, ignoreCase }: Pattern): string {
  return `~${ignoreCase ? '*' : ''}${source}`;
}
