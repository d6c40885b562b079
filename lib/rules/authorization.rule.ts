import { type Rule, test } from './rule.js';

/** Credentials make the answer one visitor's own (RFC 9111, section 3.5). */
export const authorizationRule: Rule = {
  reason: 'authorization',
  bypassWhen: 'one matches',
  tests: [test('authorization', '[^\\x09\\x20]')],
};
