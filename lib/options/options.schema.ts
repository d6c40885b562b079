import * as v from 'valibot';
import { nameGlob } from '../rules/glob.js';
import { pathPattern } from '../rules/path.rule.js';
import { COOKIE_NAME, PARAMETER_NAME, type Scope, UnusablePatternError } from '../rules/pattern.js';
import { nameRegExp } from '../rules/portable-regexp.js';

/** Messages are the end of "it must be …". */
const PREFIX = 'up to 100 of the characters A-Z a-z 0-9 . _ : @ + -, e.g. "blog:"';
const TTL = 'a number of milliseconds, 0 for "until purged"';
const STORE = 'what memoryStore(), memcachedStore() or keyvStore() return';
const FLAVOUR = '"memcached" (the others are not there yet)';
const CONTENT_TYPE = 'a content type like "text/html; charset=utf-8"';
const LIST = 'a list';
const NAME = 'a name, a name with "*", or a regular expression';
const PATH = 'a path like "/posts/*", or a regular expression';
const PARAMETER = 'the name of a query parameter, letter for letter as it stands in a link';
const HOST = 'a host name in lower case without port, e.g. "example.com"';
const SIZE = 'a whole number of bytes above 0';
const STATUS = 'a final status code from 200 to 599 but 204, 206 and 304';
const known = (names: string) => `one of the options that there are: ${names}`;

const bool = v.boolean('true, false, or { sessionCookies, ignoreCookies, isAnonymous }');
const list = <T extends v.GenericSchema>(item: T) => v.optional(v.array(item, LIST));

/** Accepts what `make` accepts, and hands its reason on when it does not. */
const usable = (allowed: string, make: (value: string | RegExp) => unknown) =>
  v.pipe(
    v.union([v.string(), v.instance(RegExp)], allowed),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      try {
        make(dataset.value);
      } catch (error) {
        if (!(error instanceof UnusablePatternError)) throw error;
        addIssue({ message: `${allowed}; ${error.message}` });
      }
    }),
  );
const namePattern = (scope: Scope) =>
  usable(NAME, (name) => (typeof name === 'string' ? nameGlob(name, scope) : nameRegExp(name, scope)));
const pathList = list(usable(PATH, pathPattern));

const strict = <T extends v.ObjectEntries>(entries: T, message?: string) =>
  v.strictObject(entries, message ?? known(Object.keys(entries).join(', ')));

export const optionsSchema = strict({
  prefix: v.optional(v.pipe(v.string(PREFIX), v.regex(/^[\w.:@+-]{0,100}$/, PREFIX))),
  ttl: v.optional(v.pipe(v.number(TTL), v.finite(TTL), v.minValue(0, TTL))),
  store: v.optional(v.looseObject({ kind: v.string(STORE), open: v.function(STORE) }, STORE)),
  nginx: v.optional(
    strict({
      flavour: v.optional(v.picklist(['memcached'], FLAVOUR)),
      contentType: v.optional(
        v.pipe(v.string(CONTENT_TYPE), v.regex(/^[\w.+-]+\/[\w.+-]+(; ?charset=[\w.-]+)?$/i, CONTENT_TYPE)),
      ),
    }),
  ),
  anonymousOnly: v.optional(
    v.union(
      [
        bool,
        strict({
          sessionCookies: list(namePattern(COOKIE_NAME)),
          ignoreCookies: list(namePattern(COOKIE_NAME)),
          isAnonymous: v.optional(v.function('a function of the request')),
        }),
      ],
      (issue) => deepest(issue) ?? 'true, false, or { sessionCookies, ignoreCookies, isAnonymous }',
    ),
  ),
  include: pathList,
  exclude: pathList,
  query: v.optional(
    strict({
      allow: list(v.pipe(v.string(PARAMETER), v.regex(/^[\w.~-]+$/, PARAMETER))),
      ignore: list(namePattern(PARAMETER_NAME)),
    }),
  ),
  hosts: v.optional(
    v.pipe(
      v.array(
        v.pipe(v.string(HOST), v.regex(/^(?=.{1,100}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$|^\[[0-9a-f:]+\]$/, HOST)),
        LIST,
      ),
      v.minLength(1, 'a list of at least one host, or left out'),
    ),
  ),
  compress: v.optional(v.union([v.literal('gzip'), v.literal(false)], '"gzip" or false')),
  maxPageBytes: v.optional(v.pipe(v.number(SIZE), v.integer(SIZE), v.minValue(1, SIZE))),
  statuses: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.number(STATUS),
          v.integer(STATUS),
          v.minValue(200, STATUS),
          v.maxValue(599, STATUS),
          v.notValues([204, 206, 304], STATUS),
        ),
        LIST,
      ),
      v.minLength(1, 'a list of at least one status, or left out'),
    ),
  ),
  listeners: list(v.function('a class')),
});

/** The message of an issue inside one of the alternatives of a union. */
function deepest(issue: v.BaseIssue<unknown>): string | undefined {
  const inner = issue.issues?.find(({ path }) => path && path.length > 0);
  return inner && `with ${v.getDotPath(inner)} ${inner.message}`;
}
