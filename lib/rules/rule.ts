import { type Pattern, toRegExp } from './pattern.js';
import { decodedPath, hostOf, rawPath, rawQuery, type RequestHead } from './request-head.js';

/** The parts of a request that rules can look at, as Node has them. nginx's names for them are in `nginx/variables.ts`. */
export const SUBJECTS = {
  method: ({ method }) => method,
  path: ({ target }) => rawPath(target),
  decodedPath: ({ target }) => decodedPath(target),
  query: ({ target }) => rawQuery(target),
  cookie: ({ headers }) => headers.cookie ?? '',
  authorization: ({ headers }) => headers.authorization ?? '',
  upgrade: ({ headers }) => headers.upgrade ?? '',
  contentLength: ({ headers }) => headers['content-length'] ?? '',
  transferEncoding: ({ headers }) => headers['transfer-encoding'] ?? '',
  host: ({ headers }) => hostOf(headers),
} satisfies Record<string, (request: RequestHead) => string>;

/** One of these, a request field (`header:sec-ch-ua-mobile`), or the values of several fields, one after the other (`fields:remote-user,rsc`). */
export type Subject = keyof typeof SUBJECTS | `header:${string}` | `fields:${string}`;

/** Reads a subject off a request. */
export function readerOf(subject: Subject): (request: RequestHead) => string {
  const names = fieldsOf(subject);
  if (!names) return SUBJECTS[subject as keyof typeof SUBJECTS];
  const [only = ''] = names;
  if (names.length === 1) return ({ headers }) => String(headers[only] ?? '');
  const wanted = new Set(names);
  return ({ headers }) => {
    let text = '';
    // A request has fewer fields than there are names.
    for (const name in headers) if (wanted.has(name)) text += String(headers[name]);
    return text;
  };
}

/** The request fields of a subject, in lower case; `undefined` when it is no request field. */
export function fieldsOf(subject: Subject): string[] | undefined {
  const [kind, names = ''] = subject.split(':');
  return kind === 'header' || kind === 'fields' ? names.split(',') : undefined;
}

/**
 * One condition on a request. It is written once and rendered twice: `compile()` makes the predicate that the
 * listeners use, `nginx/rule-map.ts` the `map` that nginx uses.
 */
export interface Rule {
  /** What is reported when the rule keeps a request away from the cache (`detail` of `Cache-Status`). */
  readonly reason: string;
  /** The request bypasses the cache when one of the tests matches, or when none does. */
  readonly bypassWhen: 'one matches' | 'none matches';
  readonly tests: readonly RuleTest[];
  /** Whether its patterns are secret: they must not be where everybody can read them. */
  readonly isSecret?: boolean;
  /** Where the rule does not apply. */
  readonly except?: Exception | undefined;
}

/** Requests to which a rule does not apply: those that one of the exception's own rules would keep away. */
export interface Exception {
  /** The name of the exception in nginx. */
  readonly name: string;
  readonly rules: readonly Rule[];
}

export interface RuleTest {
  readonly subject: Subject;
  readonly pattern: Pattern;
}

/** Whether a request bypasses the cache by a rule. */
export type Predicate = (request: RequestHead) => boolean;

export function compile({ bypassWhen, tests, except }: Rule): Predicate {
  const compiled = tests.map(({ subject, pattern }) => ({ read: readerOf(subject), regexp: toRegExp(pattern) }));
  const bypassOnMatch = bypassWhen === 'one matches';
  const isExcepted = compileException(except);
  return (request) => {
    if (isExcepted?.(request)) return false;
    for (const { read, regexp } of compiled) {
      if (regexp.test(read(request))) return bypassOnMatch;
    }
    return !bypassOnMatch;
  };
}

/** @returns `undefined` when there is no exception */
export function compileException(exception: Exception | undefined): Predicate | undefined {
  const rules = exception?.rules.map((rule) => compile(rule));
  return rules && ((request) => rules.some((keepsAway) => keepsAway(request)));
}

/** A test with a source that is case-sensitive. */
export function test(subject: Subject, source: string): RuleTest {
  return { subject, pattern: { source, ignoreCase: false } };
}
