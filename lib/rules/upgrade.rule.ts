import { type Rule, test } from './rule.js';

/** A request to switch protocols is not for a page (RFC 9110, section 7.8). */
export const upgradeRule: Rule = {
  reason: 'upgrade',
  bypassWhen: 'one matches',
  tests: [test('upgrade', '[^\\x09\\x20]')],
};
