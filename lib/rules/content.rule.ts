import { type Rule, test } from './rule.js';

/**
 * What comes with a GET may decide about the answer, and is no part of the key (RFC 9110, section 9.3.1). nginx's memcached
 * module would throw it away besides.
 */
export const contentRule: Rule = {
  reason: 'content',
  bypassWhen: 'one matches',
  tests: [test('contentLength', '[1-9]'), test('transferEncoding', '[^\\x09\\x20]')],
};
