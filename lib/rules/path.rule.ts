import { pathGlob } from './glob.js';
import type { Pattern } from './pattern.js';
import { portableRegExp } from './portable-regexp.js';
import type { Rule, RuleTest } from './rule.js';

/**
 * A pattern of `include`, `exclude` and similar options: a path in which `*` stands for any characters (`/posts/*` includes `/posts`), or a
 * regular expression.
 *
 * @publicApi
 */
export type PathPattern = string | RegExp;

/** Paths that are not cached: neither stored nor served, even if they were stored before. */
export function excludedRule(exclude: readonly PathPattern[]): Rule {
  return { reason: 'excluded', bypassWhen: 'one matches', tests: exclude.flatMap(pathTests) };
}

/** Only these paths are cached. */
export function includedRule(include: readonly PathPattern[]): Rule {
  return { reason: 'not-included', bypassWhen: 'none matches', tests: include.flatMap(pathTests) };
}

export function pathPattern(pattern: PathPattern): Pattern {
  return typeof pattern === 'string' ? pathGlob(pattern) : portableRegExp(pattern);
}

/** Tried on the path as it was sent and on the decoded one, so that `/käse/*` and `/k%C3%A4se/*` say the same. */
function pathTests(pattern: PathPattern): RuleTest[] {
  const compiled = pathPattern(pattern);
  return [
    { subject: 'path', pattern: compiled },
    { subject: 'decodedPath', pattern: compiled },
  ];
}
