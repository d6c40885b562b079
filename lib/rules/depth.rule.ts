import { anyOf, literal } from './pattern.js';
import { type Rule, test } from './rule.js';

/** So many segments a path may have whose page is a file. */
export const MAX_DEPTH = 16;

/**
 * Where pages are files, each segment of an address becomes a directory, and so does each slash in the value of a parameter. An address of 250
 * bytes may have more than a hundred, and whoever asks for such would fill the disk with directories.
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
