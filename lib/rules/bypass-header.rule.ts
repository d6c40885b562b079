import { literal } from './pattern.js';
import { type Rule, test } from './rule.js';

/** Who knows the token sees the page as the application makes it now. */
export const BYPASS_HEADER = 'X-Page-Cache-Bypass';

/** With a wrong token a request is like any other, so that nobody can reach the application by trying. */
export function bypassHeaderRule(token: string): Rule {
  return {
    reason: 'bypass-header',
    isSecret: true,
    bypassWhen: 'one matches',
    tests: [test(`header:${BYPASS_HEADER.toLowerCase()}`, `^[\\x09\\x20]*${literal(token)}[\\x09\\x20]*$`)],
  };
}
