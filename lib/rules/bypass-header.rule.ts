import { literal } from './pattern.js';
import { type Rule, test } from './rule.js';

/** A request with the token gets the page as the application renders it now. */
export const BYPASS_HEADER = 'X-Page-Cache-Bypass';

/** A request with a wrong token is treated like one without a token, so nobody can reach the application by guessing. */
export function bypassHeaderRule(token: string): Rule {
  return {
    reason: 'bypass-header',
    isSecret: true,
    bypassWhen: 'one matches',
    tests: [test(`header:${BYPASS_HEADER.toLowerCase()}`, `^[\\x09\\x20]*${literal(token)}[\\x09\\x20]*$`)],
  };
}
