import { anyOf, literal } from './pattern.js';
import { type Rule, test } from './rule.js';

/** How many segments a path may have if its page is a file. */
export const MAX_DEPTH = 16;

/**
 * If pages are files, each segment of an address becomes a directory, and so does each slash in the value of a parameter. An address of 250 bytes
 * may have more than a hundred, so requests for such addresses would fill the disk with directories.
 *
 * @param allow the allowed parameters
 */
export function depthRule(allow: readonly string[]): Rule {
  const names = anyOf(allow.map((name) => literal(name)));
  return {
    reason: 'depth',
    bypassWhen: 'one matches',
    tests: [
      test('path', `^(?:/[^/]*){${MAX_DEPTH + 1}}`),
      ...(allow.length > 0 ? [test('query', `(?:^|&)${names}=(?:[^&/]*/){${MAX_DEPTH + 1}}`)] : []),
    ],
  };
}
