import { describe, expect, it } from 'vitest';
import {
  DEFAULT_IGNORED_COOKIES,
  DEFAULT_IGNORED_PARAMETERS,
  memcachedStore,
  memoryStore,
  NginxCacheConfigError,
  type NginxCacheOptions,
} from '../../lib/index.js';
import { optionsSchema } from '../../lib/configuration/options.schema.js';
import { checkOptions } from '../../lib/configuration/check-options.js';

const memcached = memcachedStore({ servers: '127.0.0.1:11211' });
const errorOf = (options: unknown): NginxCacheConfigError => {
  try {
    checkOptions(options as NginxCacheOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(NginxCacheConfigError);
    return error as NginxCacheConfigError;
  }
  throw new Error('nothing was wrong');
};

const OPTIONS = Object.keys(optionsSchema.entries).join(', ');

const CITIES = {
  name: 'city',
  values: Array.from({ length: 200 }, (_, index) => `city-of-many-people-${1000 + index}`),
  default: 'city-of-many-people-1000',
};

/** What can be wrong, and the sentence that the user reads; "…" stands for "is not possible; it must be". */
const WRONG: [unknown, string][] = [
  [null, `options: null … an object: { ${OPTIONS} }`],
  ['blog', `options: 'blog' … an object: { ${OPTIONS} }`],
  [{ prefix: 1 }, 'prefix: 1 … up to 100 of the characters A-Z a-z 0-9 . _ : @ + -, e.g. "blog:"'],
  [{ prefix: 'a b' }, `prefix: 'a b' … up to 100 of the characters A-Z a-z 0-9 . _ : @ + -, e.g. "blog:"`],
  [{ prefix: 'a\n' }, `prefix: 'a\\n' … up to 100 of the characters A-Z a-z 0-9 . _ : @ + -, e.g. "blog:"`],
  [{ prefix: 'ä' }, `prefix: 'ä' … up to 100 of the characters A-Z a-z 0-9 . _ : @ + -, e.g. "blog:"`],
  [
    { prefix: 'x'.repeat(101) },
    `prefix: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' … up to 100 of the characters A-Z a-z 0-9 . _ : @ + -, e.g. "blog:"`,
  ],
  [{ shard: ['/'] }, `There is no option \`shard\`. Did you mean \`shared\`? It must be one of ${OPTIONS}`],
  [{ prefx: 'blog:' }, `There is no option \`prefx\`. Did you mean \`prefix\`? It must be one of ${OPTIONS}`],
  [{ ttl: '5m' }, `ttl: '5m' … a number of milliseconds, 0 for "until purged"`],
  [{ ttl: -1 }, 'ttl: -1 … a number of milliseconds, 0 for "until purged"'],
  [{ ttl: Number.NaN }, 'ttl: NaN … a number of milliseconds, 0 for "until purged"'],
  [{ ttl: Infinity }, 'ttl: Infinity … a number of milliseconds, 0 for "until purged"'],
  [
    { store: 'memcached' },
    `store: 'memcached' … what memoryStore(), memcachedStore(), fileStore() or keyvStore() return`,
  ],
  [{ store: {} }, 'store.kind: undefined … what memoryStore(), memcachedStore(), fileStore() or keyvStore() return'],
  [{ nginx: 'memcached' }, `nginx: 'memcached' … an object: { flavour, contentType, contentTypes, headers }`],
  [{ nginx: { flavour: 'varnish' } }, `nginx.flavour: 'varnish' … "memcached", "srcache", "njs" or "files"`],
  [
    { nginx: { flavour: 'memcached' } },
    `nginx.flavour: 'memcached' … left out with memoryStore(), which nginx cannot read`,
  ],
  [
    { nginx: { flavor: 'memcached' } },
    'There is no option `nginx.flavor`. Did you mean `flavour`? It must be one of flavour, contentType, contentTypes, headers',
  ],
  [{ nginx: { contentType: 'html' } }, `nginx.contentType: 'html' … a content type like "text/html; charset=utf-8"`],
  [
    { nginx: { contentType: 'text/html; charset=utf-8;' } },
    `nginx.contentType: 'text/html; charset=utf-8;' … a content type like "text/html; charset=utf-8"`,
  ],
  ...['Content-Length', 'transfer-encoding', 'Connection', 'Cache-Status', 'Date', 'ETag'].map(
    (name): [unknown, string] => [
      { nginx: { headers: { 'X-Frame-Options': 'DENY', [name]: '1' } } },
      `nginx.headers.${name}: '${name}' … another field: nginx itself sets this one for each response`,
    ],
  ),
  [
    { nginx: { headers: { 'Content-Type': 'text/plain' } } },
    `nginx.headers.Content-Type: 'Content-Type' … another field: nginx.contentType and nginx.contentTypes say which type pages have`,
  ],
  [
    { nginx: { headers: { 'Set-Cookie': 'a=b' } } },
    `nginx.headers.Set-Cookie: 'Set-Cookie' … another field: all visitors would get the same cookie`,
  ],
  [
    { nginx: { headers: { 'X-A': '1', 'x-a': '2' } } },
    `nginx.headers: { 'X-A': '1', 'x-a': '2' } … an object of header fields: { name: value }, with each name once: upper and lower case make no difference`,
  ],
  [
    { nginx: { headers: { 'cache-control': 'no-cache' } }, clientCacheControl: 'max-age=60' },
    `nginx.headers.cache-control: 'no-cache' … left out, because clientCacheControl says what Cache-Control every page has`,
  ],
  [{ anonymousOnly: 'yes' }, `anonymousOnly: 'yes' … true, false, or { sessionCookies, ignoreCookies, isAnonymous }`],
  [{ anonymousOnly: null }, 'anonymousOnly: null … true, false, or { sessionCookies, ignoreCookies, isAnonymous }'],
  [
    { anonymousOnly: { cookies: [] } },
    'There is no option `anonymousOnly.cookies`. It must be one of sessionCookies, ignoreCookies, isAnonymous',
  ],
  [{ anonymousOnly: { sessionCookies: 'sid' } }, `anonymousOnly.sessionCookies: 'sid' … a list: [ … ]`],
  [
    { anonymousOnly: { sessionCookies: ['a=b'] } },
    `anonymousOnly.sessionCookies.0: 'a=b' … a name, a name with "*", or a regular expression; a name cannot hold any of "=;\\t "`,
  ],
  [
    { anonymousOnly: { ignoreCookies: [/a/i] } },
    'anonymousOnly.ignoreCookies.0: /a/i … a name, a name with "*", or a regular expression; the flag i cannot be used here: names and values are compared as they are',
  ],
  [
    { anonymousOnly: { ignoreCookies: [/a|\s/] } },
    'anonymousOnly.ignoreCookies.0: /a|\\s/ … a name, a name with "*", or a regular expression; "\\s" is read differently by nginx (PCRE, bytes) and by JavaScript',
  ],
  [{ anonymousOnly: { isAnonymous: true } }, 'anonymousOnly.isAnonymous: true … a function of the request'],
  [{ include: '/posts' }, `include: '/posts' … a list: [ … ]`],
  [
    { include: ['posts'] },
    `include.0: 'posts' … a path like "/posts/*", or a regular expression; a path pattern begins with "/"`,
  ],
  [
    { include: ['/', '/a?b'] },
    `include.1: '/a?b' … a path like "/posts/*", or a regular expression; a path pattern holds no query and no fragment`,
  ],
  [{ include: [1] }, 'include.0: 1 … a path like "/posts/*", or a regular expression'],
  [
    { exclude: [/(?<=a)b/] },
    'exclude.0: /(?<=a)b/ … a path like "/posts/*", or a regular expression; "(?<=a)" is read differently by nginx (PCRE, bytes) and by JavaScript',
  ],
  [
    { shared: ['posts/*'] },
    'shared.0: \'posts/*\' … a path like "/posts/*", or a regular expression; a path pattern begins with "/"',
  ],
  [
    { exclude: [/ä/i] },
    'exclude.0: /ä/i … a path like "/posts/*", or a regular expression; "ä" cannot be used with the flag i: nginx compares bytes',
  ],
  [{ query: ['page'] }, 'There is no option `query.0`. It must be one of allow, ignore'],
  [
    { query: { allowed: [] } },
    'There is no option `query.allowed`. Did you mean `allow`? It must be one of allow, ignore',
  ],
  [{ query: { allow: 'page' } }, `query.allow: 'page' … a list: [ … ]`],
  [
    { query: { allow: [/page/] } },
    'query.allow.0: /page/ … the name of a query parameter, of the characters A-Z a-z 0-9 . _ ~ -',
  ],
  [
    { query: { allow: ['id[]'] } },
    `query.allow.0: 'id[]' … the name of a query parameter, of the characters A-Z a-z 0-9 . _ ~ -`,
  ],
  [
    { query: { ignore: ['a&b'] } },
    `query.ignore.0: 'a&b' … a name, a name with "*", or a regular expression; a name cannot hold any of "=&#"`,
  ],
  [{ hosts: 'example.com' }, `hosts: 'example.com' … a list: [ … ], or "any"`],
  [{ hosts: [] }, 'hosts: [] … a list of at least one host, or "any", or left out'],
  [{ origin: 'example.com' }, `origin: 'example.com' … a scheme and a host, e.g. "https://example.com"`],
  [
    { origin: 'https://example.com/' },
    `origin: 'https://example.com/' … a scheme and a host, e.g. "https://example.com"`,
  ],
  [{ origin: 'ftp://example.com' }, `origin: 'ftp://example.com' … a scheme and a host, e.g. "https://example.com"`],
  [
    { origin: 'https://example.com', hosts: ['www.example.com'] },
    `origin: 'https://example.com' … one of the hosts: www.example.com`,
  ],
  [{ harmlessGuards: ['ThrottlerGuard'] }, `harmlessGuards.0: 'ThrottlerGuard' … a class`],
  [{ hosts: ['Example.com'] }, `hosts.0: 'Example.com' … a host name in lower case without port, e.g. "example.com"`],
  [
    { hosts: ['example.com:80'] },
    `hosts.0: 'example.com:80' … a host name in lower case without port, e.g. "example.com"`,
  ],
  [
    { hosts: ['*.example.com'] },
    `hosts.0: '*.example.com' … a host name in lower case without port, e.g. "example.com"`,
  ],
  [{ compress: 'br' }, `compress: 'br' … "gzip" or false`],
  [{ compress: true }, 'compress: true … "gzip" or false'],
  [{ maxPageBytes: 0 }, 'maxPageBytes: 0 … a whole number of bytes above 0'],
  [{ maxPageBytes: 1.5 }, 'maxPageBytes: 1.5 … a whole number of bytes above 0'],
  [{ maxPageBytes: '1mb' }, `maxPageBytes: '1mb' … a whole number of bytes above 0`],
  [{ statuses: 200 }, 'statuses: 200 … a list: [ … ]'],
  [{ statuses: [] }, 'statuses: [] … a list of at least one status, or left out'],
  [{ statuses: [99] }, 'statuses.0: 99 … a final status code from 200 to 599 but 204, 206 and 304'],
  [{ statuses: [200, 304] }, 'statuses.1: 304 … a final status code from 200 to 599 but 204, 206 and 304'],
  [
    { statuses: [200, 404], store: memcached },
    'statuses: [ 200, 404 ] … [200]: the memcached flavour stores no status',
  ],
  [{ listeners: ['x'] }, `listeners.0: 'x' … a class`],
  [
    { variants: [{ name: 'lang', values: ['en'], default: 'en' }] },
    `variants.0: { name: 'lang', values: [ 'en' ], default: 'en' } … a variant with either cookie or header`,
  ],
  [
    { variants: [{ name: 'a;b', cookie: 'a', values: ['en'], default: 'en' }] },
    `variants.0.name: 'a;b' … a word of up to 9 of the characters a-z 0-9, which begins with a letter`,
  ],
  [
    { variants: [{ name: 'lang', cookie: 'lang', values: ['en'], default: 'de' }] },
    `variants.0: { name: 'lang', cookie: 'lang', values: [ 'en' ], default: 'de' } … a variant with a default that is one of its values`,
  ],
  [
    { variants: [{ name: 'lang', cookie: 'lang', values: ['e n'], default: 'en' }] },
    `variants.0.values.0: 'e n' … a word of the characters A-Z a-z 0-9 . _ ? -`,
  ],
  [{ variants: { lang: ['en'] } }, `variants: { lang: [ 'en' ] } … a list: [ … ]`],
  [{ trailingSlash: true }, `trailingSlash: true … "forbid", "require" or "allow"`],
  [
    { bypassToken: 'secret' },
    `bypassToken: '(not shown)' … a secret of 16 to 200 of the characters A-Z a-z 0-9 . _ ~ + / = -`,
  ],
  [
    { query: { ignore: Array.from({ length: 300 }, (_, index) => `parameter_${index}`) }, store: memcached },
    `query: { ignore: [ 'parameter_0', 'parameter_1', 'parameter_2', 'parameter_3', 'parameter_4', ... 295 more items ] } … shorter: it becomes a pattern of 4138 bytes, and nginx reads up to 4000; put several names into one with "*" or a regular expression`,
  ],
  [
    { variants: [{ ...CITIES, cookie: 'city' }], store: memcached },
    `variants.0: { name: 'city', values: [ 'city-of-many-people-1000', 'city-of-many-people-1001', 'city-of-many-people-1002', 'city-of-many-people-1003', 'city-of-many-people-1004', ... 195 more items ], default: 'city-of-many-people-1000', cookie: 'city' } … shorter: it becomes a pattern of 8655 bytes, and nginx reads up to 4000; give it fewer or shorter values`,
  ],
  [
    { variants: [{ ...CITIES, header: 'Accept-Language' }], store: memcached },
    `variants.0: { name: 'city', values: [ 'city-of-many-people-1000', 'city-of-many-people-1001', 'city-of-many-people-1002', 'city-of-many-people-1003', 'city-of-many-people-1004', ... 195 more items ], default: 'city-of-many-people-1000', header: 'Accept-Language' } … shorter: it becomes a pattern of 5285 bytes, and nginx reads up to 4000; give it fewer or shorter values`,
  ],
];

describe('a wrong option', () => {
  it.each(WRONG.map(([options, sentence]) => ({ options, sentence })))('$sentence', ({ options, sentence }) => {
    const error = errorOf(options);
    expect(error.message).toBe(sentence.replace(' … ', ' is not possible; it must be '));
    expect(error.message.startsWith(`${error.option}: `) || error.message.includes(`\`${error.option}\``)).toBe(true);
    expect(error.message.endsWith(error.allowed)).toBe(true);
  });

  it('is reported once and alone, the first of them', () => {
    expect(errorOf({ ttl: -1, prefix: 'a b', nginx: { flavour: 'x' } }).message.match(/is not possible/g)).toHaveLength(
      1,
    );
  });
});

describe('nothing is wrong with', () => {
  it.each<[NginxCacheOptions]>([
    [{}],
    [{ store: memcached }],
    [{ store: memoryStore(), statuses: [200, 404], ttl: 0, maxPageBytes: 1 }],
    [{ prefix: '', anonymousOnly: true, compress: false }],
    [{ anonymousOnly: { sessionCookies: ['sid'], ignoreCookies: [/^_ga/], isAnonymous: () => true } }],
    [{ anonymousOnly: { sessionCookies: undefined } as object, query: { allow: undefined } as object }],
    [{ include: ['/', '/posts/*', /^\/tags\//], exclude: [] }],
    [{ query: { allow: ['page', 'a.b~c-d_e'], ignore: [/^utm_/, 'gclid', '*'] } }],
    [{ hosts: 'any', origin: 'http://localhost:8080' }],
    [{ hosts: ['example.com'], origin: 'https://example.com:8443' }],
    [{ hosts: ['example.com', 'localhost', '127.0.0.1', '[::1]', 'xn--ksey-0qa.example'] }],
    [{ nginx: { headers: { 'Cache-Control': 'no-cache', Vary: 'Origin' } }, store: memcached }],
    [{ nginx: { flavour: 'memcached', contentType: 'text/plain' }, store: memcached, statuses: [200] }],
  ])('%j', (options) => expect(() => checkOptions(options)).not.toThrow());

  it('no options at all, and their defaults given', () => {
    const defaults = checkOptions();
    expect(defaults).toMatchObject({ prefix: 'page:', ttl: 300_000, anonymousOnly: true, maxPageBytes: 1_000_000 });
    const { prefix, ttl, maxPageBytes } = defaults;
    const given = checkOptions({
      prefix,
      ttl,
      maxPageBytes,
      compress: 'gzip',
      statuses: [200],
      anonymousOnly: { ignoreCookies: DEFAULT_IGNORED_COOKIES },
      query: { ignore: DEFAULT_IGNORED_PARAMETERS },
    });
    expect(given.rules).toEqual(defaults.rules);
  });
});

it('takes a parameter that is allowed twice once', () => {
  expect(checkOptions({ query: { allow: ['page', 'page'] } }).query.allow).toEqual(['page']);
});
