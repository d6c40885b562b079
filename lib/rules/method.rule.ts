import { type Rule, test } from './rule.js';

/** Only GET and HEAD ask for a page (RFC 9110, section 9.3); only GET ever makes one. */
export const methodRule: Rule = {
  reason: 'method',
  bypassWhen: 'none matches',
  tests: [test('method', '^(?:GET|HEAD)$')],
};
