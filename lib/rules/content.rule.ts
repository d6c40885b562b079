import { type Rule, test } from './rule.js';

/**
 * The content of a GET may affect the answer, but is no part of the key (RFC 9110, section 9.3.1). Besides, nginx's memcached module would throw it
 * away. Over HTTP/2, content may come without a Content-Length; nginx does not see that, and looks the page up.
 */
export const contentRule: Rule = {
  reason: 'content',
  bypassWhen: 'one matches',
  tests: [test('contentLength', '[1-9]'), test('transferEncoding', '[^\\x09\\x20]')],
};
