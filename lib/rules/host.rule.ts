import { literal } from './pattern.js';
import { type Rule, test } from './rule.js';

/** A page of an unknown host belongs to nobody. */
export function hostRule(hosts: readonly string[]): Rule {
  return {
    reason: 'host',
    bypassWhen: 'none matches',
    tests: hosts.map((host) => test('host', `^${literal(host)}$`)),
  };
}
