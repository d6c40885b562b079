import { FLAVOURS } from '../nginx/flavours/flavours.js';
import * as v from 'valibot';
import { FLAG, strict, wholeNumber } from '../checks/checked.js';
import { HOP_BY_HOP } from '../http/fields-of-one-request.js';
import { isNginxHeaderValue } from '../options/nginx-header-value.js';
import { CONNECTION_INPUTS } from '../rules/request-fields.rule.js';
import { nameGlob, pathGlob } from '../rules/glob.js';
import { pathPattern } from '../rules/path.rule.js';
import { isHostField } from '../rules/host-field.rule.js';
import { COOKIE_NAME, PARAMETER_NAME, PARAMETER_VALUE, type Scope, UnusablePatternError } from '../rules/pattern.js';
import { nameRegExp } from '../rules/portable-regexp.js';

/** Each message ends the sentence "it must be …". */
const PREFIX = 'up to 100 of the characters A-Z a-z 0-9 . _ : @ + -, e.g. "blog:"';
const VERSION = 'a text that is not empty, e.g. the id of a build, or left out';
const TTL = 'a number of milliseconds, 0 for "until purged"';
const STALE = 'a whole number of milliseconds up to 1,000,000,000,000, 0 for "not at all"';
const STORE = 'what memoryStore(), memcachedStore(), fileStore() or keyvStore() return';
const FLAVOUR = '"memcached", "srcache", "njs" or "files"';
const CONTENT_TYPE = 'a content type like "text/html; charset=utf-8"';
const CONTENT_TYPES = 'an object of content types by path: { "/feed.xml": "application/rss+xml" }';
const LIST = 'a list: [ … ]';
const NAME = 'a name, a name with "*", or a regular expression';
const PATH = 'a path like "/posts/*", or a regular expression';
const PARAMETER = 'the name of a query parameter, of the characters A-Z a-z 0-9 . _ ~ -';
const VALUES = 'a regular expression of values, e.g. { page: /^[1-9]\\d{0,2}$/ }';
const HOSTS = 'a list: [ … ], or "any"';
const HOST = 'a host name in lower case without port, e.g. "example.com"';
/** Labels with dots between them, or an IPv6 address in brackets: what a URL can have as its host, and nginx as a `server_name`. */
const HOST_NAME = /^(?=.{1,100}$)(?:[a-z0-9_-]+\.)*[a-z0-9_-]+$|^\[[0-9a-f:]+\]$/;
const ORIGIN = 'a scheme and a host, e.g. "https://example.com"';
const SIZE = 'a whole number of bytes above 0';
const STATUS = 'a final status code from 200 to 599 but 204, 206 and 304';

const FIELD = 'the name of a header field, e.g. "X-Frame-Options"';
/** A letter first: at the beginning of a word, nginx reads "#" as a comment and "'" as a quote. */
const FIELD_NAME = /^[A-Za-z][\w!#%&'*+.^`|~-]*$/;
const FIELD_TEXT =
  'the value of a header field of up to 4000 visible characters and spaces, without $, which nginx would read as a variable';
const EXCUSED_FIELD = 'the name of a header field, or one with "*", e.g. "X-Debug-*"';
const REQUEST_FIELD = 'the name of a request field, e.g. "X-Request-Id"';
const INPUT = `${REQUEST_FIELD}, or one of ${CONNECTION_INPUTS.map((name) => `"${name}"`).join(', ')}`;
const HEADERS = 'an object of header fields: { name: value }';
const HEADERS_ONCE = `${HEADERS}, with each name once: upper and lower case make no difference`;
const SET_BY_NGINX = 'another field: nginx itself sets this one for each response';
/** Header fields that nginx cannot add to every page, in lower case, and why. */
const NOT_FOR_EVERY_PAGE: ReadonlyMap<string, string> = new Map([
  ...[...HOP_BY_HOP, 'age', 'content-encoding', 'content-length', 'content-range', 'date', 'etag', 'last-modified'].map(
    (name) => [name, SET_BY_NGINX] as const,
  ),
  ['cache-status', SET_BY_NGINX],
  ['content-type', 'another field: nginx.contentType and nginx.contentTypes say which type pages have'],
  ['set-cookie', 'another field: all visitors would get the same cookie'],
]);
const TOKEN = 'a secret of 16 to 200 of the characters A-Z a-z 0-9 . _ ~ + / = -';
const VARIANT_NAME = 'a word of up to 9 of the characters a-z 0-9, which begins with a letter';
const WORD = 'a word of the characters A-Z a-z 0-9 . _ ? -';
const ANONYMOUS = 'true, false, or { sessionCookies, ignoreCookies, isAnonymous }';
const list = <T extends v.GenericSchema>(item: T) => v.optional(v.array(item, LIST));

/** Accepts what `make` accepts; otherwise reports the reason that `make` gives. */
const made = <T>(allowed: string, make: (value: T) => unknown) =>
  v.rawCheck<T>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    try {
      make(dataset.value);
    } catch (error) {
      if (!(error instanceof UnusablePatternError)) throw error;
      addIssue({ message: `${allowed}; ${error.message}` });
    }
  });
const usable = (allowed: string, make: (value: string | RegExp) => unknown) =>
  v.pipe(v.union([v.string(), v.instance(RegExp)], allowed), made(allowed, make));
const namePattern = (scope: Scope) =>
  usable(NAME, (name) => (typeof name === 'string' ? nameGlob(name, scope) : nameRegExp(name, scope)));
const pathList = list(usable(PATH, pathPattern));
const pathGlobSchema = v.pipe(v.string(PATH), made(PATH, pathGlob));

const contentType = v.pipe(v.string(CONTENT_TYPE), v.regex(/^[\w.+-]+\/[\w.+-]+(; ?charset=[\w.-]+)?$/i, CONTENT_TYPE));
const flag = v.optional(FLAG);
const pageField = v.pipe(
  v.string(FIELD),
  v.regex(FIELD_NAME, FIELD),
  v.check(
    (name) => !NOT_FOR_EVERY_PAGE.has(name.toLowerCase()),
    ({ input }) => NOT_FOR_EVERY_PAGE.get(input.toLowerCase()) ?? FIELD,
  ),
);
const fieldValue = v.pipe(v.string(FIELD_TEXT), v.check(isNginxHeaderValue, FIELD_TEXT));

const anonymousOnly = strict({
  sessionCookies: list(namePattern(COOKIE_NAME)),
  ignoreCookies: list(namePattern(COOKIE_NAME)),
  isAnonymous: v.optional(v.function('a function of the request')),
});

const word = v.pipe(v.string(WORD), v.regex(/^[\w.?-]{1,40}$/, WORD));
const variantSchema = v.pipe(
  strict({
    name: v.pipe(v.string(VARIANT_NAME), v.regex(/^[a-z][a-z0-9]{0,8}$/, VARIANT_NAME)),
    cookie: v.optional(word),
    header: v.optional(v.pipe(v.string(FIELD), v.regex(/^[A-Za-z][A-Za-z0-9-]*$/, FIELD))),
    values: v.pipe(v.array(word, LIST), v.minLength(1, 'a list of at least one value')),
    default: word,
    include: pathList,
    exclude: pathList,
  }),
  v.check(
    ({ cookie, header }) => (cookie === undefined) !== (header === undefined),
    'a variant with either cookie or header',
  ),
  v.check((variant) => variant.values.includes(variant.default), 'a variant with a default that is one of its values'),
);

/** nginx has no variable for a name with other characters. */
const requestField = (allowed: string) => v.pipe(v.string(allowed), v.regex(/^[A-Za-z][A-Za-z0-9-]{0,99}$/, allowed));
const requestFields = v.pipe(
  strict({
    bypass: list(
      v.pipe(
        requestField(REQUEST_FIELD),
        v.check((name) => name.toLowerCase() !== 'host', `${REQUEST_FIELD}, but not Host, which every request has`),
      ),
    ),
    ignore: list(v.union([v.picklist(CONNECTION_INPUTS, INPUT), requestField(INPUT)], INPUT)),
    pass: v.optional(v.picklist(['all', 'key'], '"all" or "key"')),
  }),
  v.check(
    ({ bypass = [], ignore = [] }) => isDistinct([...new Set(lowerCase(bypass)), ...new Set(lowerCase(ignore))]),
    'two lists that have no name in common',
  ),
);
const lowerCase = (names: readonly string[]) => names.map((name) => name.toLowerCase());

const isDistinct = (names: readonly string[]) => new Set(names).size === names.length;
const sourceOf = ({ cookie, header }: { cookie?: string | undefined; header?: string | undefined }) =>
  header === undefined ? `cookie ${cookie}` : header.toLowerCase();

const parameter = v.pipe(v.string(PARAMETER), v.regex(/^[\w.~-]+$/, PARAMETER));
const parameterValues = v.pipe(
  v.instance(RegExp, VALUES),
  made(VALUES, (values) => nameRegExp(values, PARAMETER_VALUE)),
);
const isObject = (given: unknown) => typeof given === 'object' && given !== null && !Array.isArray(given);

const hosts = v.pipe(
  v.array(v.pipe(v.string(HOST), v.regex(HOST_NAME, HOST)), HOSTS),
  v.minLength(1, 'a list of at least one host, or "any", or left out'),
);

const isOrigin = (text: string) =>
  /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text && isHostField(new URL(text).host);

const refreshAhead = strict({
  inactive: v.optional(wholeNumber('milliseconds', 0)),
  rate: v.optional(wholeNumber('pages a second', 1)),
  afterPurge: v.optional(wholeNumber('pages', 0)),
});
const stale = v.optional(
  v.pipe(v.number(STALE), v.integer(STALE), v.minValue(0, STALE), v.maxValue(1_000_000_000_000, STALE)),
);

const store = v.looseObject({ kind: v.string(STORE), open: v.function(STORE) }, STORE);

export const optionsSchema = strict({
  prefix: v.optional(v.pipe(v.string(PREFIX), v.regex(/^[\w.:@+-]{0,100}$/, PREFIX))),
  version: v.optional(v.pipe(v.string(VERSION), v.minLength(1, VERSION))),
  ttl: v.optional(v.pipe(v.number(TTL), v.finite(TTL), v.minValue(0, TTL))),
  staleWhileRevalidate: stale,
  staleIfError: stale,
  store: v.optional(store),
  tiers: v.optional(v.array(store, 'a list of two stores')),
  nginx: v.optional(
    strict({
      flavour: v.optional(
        v.picklist(
          FLAVOURS.map(({ name }) => name),
          FLAVOUR,
        ),
      ),
      contentType: v.optional(contentType),
      contentTypes: v.optional(v.record(pathGlobSchema, contentType, CONTENT_TYPES)),
      headers: v.optional(
        v.pipe(
          v.record(pageField, fieldValue, HEADERS),
          v.check((headers) => isDistinct(lowerCase(Object.keys(headers))), HEADERS_ONCE),
        ),
      ),
    }),
  ),
  anonymousOnly: v.optional(
    // Not a union: valibot would report all of it, and not the wrong part.
    v.lazy((given) => (typeof given === 'object' && given !== null ? anonymousOnly : v.boolean(ANONYMOUS))),
  ),
  include: pathList,
  exclude: pathList,
  shared: pathList,
  fragments: pathList,
  fragmentTimeout: v.optional(wholeNumber('milliseconds', 1)),
  query: v.optional(
    strict({
      allow: v.optional(
        v.lazy((given) => (isObject(given) ? v.record(parameter, parameterValues) : v.array(parameter, LIST))),
      ),
      ignore: list(namePattern(PARAMETER_NAME)),
    }),
  ),
  hosts: v.optional(v.lazy((given) => (given === 'any' ? v.literal('any') : hosts))),
  origin: v.optional(v.pipe(v.string(ORIGIN), v.check(isOrigin, ORIGIN))),
  variants: v.optional(
    v.pipe(
      v.array(variantSchema, LIST),
      v.check((variants) => isDistinct(variants.map(({ name }) => name)), 'variants with different names'),
      v.check((variants) => isDistinct(variants.map(sourceOf)), 'variants by different cookies and header fields'),
    ),
  ),
  requestFields: v.optional(requestFields),
  trailingSlash: v.optional(v.picklist(['forbid', 'require', 'allow'], '"forbid", "require" or "allow"')),
  respectCacheControl: v.optional(v.union([v.boolean(), v.literal('required')], 'true, false or "required"')),
  clientCacheControl: v.optional(fieldValue),
  // Not with "*": a page that depends on everything is for nobody else.
  excuseVary: list(v.pipe(v.string(FIELD), v.regex(/^[\w!#$%&'+.^`|~-]+$/, FIELD))),
  excuseHeaders: list(v.pipe(v.string(EXCUSED_FIELD), v.regex(/^[\w!#$%&'*+.^`|~-]+$/, EXCUSED_FIELD))),
  excuseCookies: list(namePattern(COOKIE_NAME)),
  purgeAfterUnsafe: flag,
  refreshAhead: v.optional(
    v.lazy((given) => (isObject(given) ? refreshAhead : v.boolean('true, false, or { inactive, rate, afterPurge }'))),
  ),
  remotePurge: v.optional(
    strict({
      token: v.pipe(v.string(TOKEN), v.regex(/^[\w.~+/=-]{16,200}$/, TOKEN)),
      parameter: v.optional(v.pipe(v.string(PARAMETER), v.regex(/^[\w.~-]+$/, PARAMETER))),
    }),
  ),
  bypassToken: v.optional(v.pipe(v.string(TOKEN), v.regex(/^[\w.~+/=-]{16,200}$/, TOKEN))),
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
  harmlessGuards: list(v.function('a class')),
  listeners: list(v.function('a class')),
});
