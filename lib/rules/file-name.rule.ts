import { anyOf, literal } from './pattern.js';
import { type Rule, test } from './rule.js';

/** Segments in the name of a file that lead somewhere else, or to the file of another address. */
export const UNSAFE_SEGMENTS = '(?://|/[.]{1,2}/)';

/**
 * If pages are files, their address is a path below a directory, and the value of a parameter must not lead out of it. A canonical path does not
 * (canonical-path.rule.ts).
 *
 * @param allow the allowed parameters, at least one
 */
export function fileNameRule(allow: readonly string[]): Rule {
  const names = anyOf(allow.map((name) => literal(name)));
  return {
    reason: 'file-name',
    bypassWhen: 'one matches',
    tests: [test('query', `(?:^|&)${names}=[^&]*${UNSAFE_SEGMENTS}`)],
  };
}
