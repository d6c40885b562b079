import { anyOf, literal } from './pattern.js';
import { type Rule, test } from './rule.js';

/** Segments that lead somewhere else, or where another address leads as well, when an address is used as the name of a file. */
export const UNSAFE_SEGMENTS = '(?://|/[.]{1,2}/)';

/**
 * Where pages are files, their address is a path below a directory: the value of a parameter must not lead out of it. A
 * canonical path does not (canonical-path.rule.ts).
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
