import { inspect } from 'node:util';
import { parseCacheStatus } from '../http/cache-status-field.js';
import type { CacheStatus } from '../http/cache-status-field.js';

/**
 * Anything with headers: the Response of `fetch`, undici, superagent, light-my-request, `RawClient`, …
 *
 * @publicApi
 */
export interface ResponseWithHeaders {
  /** The header fields: an iterable of names and values, or an object. */
  headers:
    Iterable<readonly [name: string, value: string]> | Readonly<Record<string, string | string[] | number | undefined>>;
}

/**
 * The result of a matcher, for vitest and jest.
 *
 * @publicApi
 */
export interface PageCacheMatcherResult {
  /** Whether the response is as expected. */
  pass: boolean;
  /** Explains the result. */
  message: () => string;
}

/**
 * The types of the matchers. Merge them into those of vitest or jest.
 *
 * @example
 * declare module 'vitest' {
 *   interface Matchers<T = any> extends PageCacheMatchers {}
 * }
 *
 * @publicApi
 */
export interface PageCacheMatchers<R = void> {
  /** Expects that the page came from the cache: from nginx, or from the application. */
  toBePageCacheHit(): R;
  /** Expects that the page was not in the cache, and the application rendered it. */
  toBePageCacheMiss(): R;
  /**
   * Expects that the request went past the cache.
   *
   * @param detail the expected reason, such as 'cookie'
   */
  toBypassPageCache(detail?: string): R;
}

/** Other caches (a CDN) may add to Cache-Status, too. */
const OURS = new Set(['nginx', 'nestjs-nginx-cache']);

/** The values of `fwd` with which a cache does not look a response up, or must not use it (RFC 9211, section 2.2). */
const BYPASSES = new Set<unknown>(['bypass', 'method', 'request']);

/**
 * Matchers for `expect.extend()` of vitest and jest. They read the `Cache-Status` field (RFC 9211).
 *
 * @throws TypeError when the value has no headers, Error when its Cache-Status is malformed
 * @example
 * expect.extend(pageCacheMatchers);
 * expect(await fetch(`${nginx.url}/posts`)).toBePageCacheMiss();
 * expect(await fetch(`${nginx.url}/posts`)).toBePageCacheHit();
 * expect(await fetch(`${nginx.url}/posts`, { headers: { cookie: 'connect.sid=1' } })).toBypassPageCache();
 *
 * @publicApi
 */
export const pageCacheMatchers = {
  toBePageCacheHit(received: ResponseWithHeaders): PageCacheMatcherResult {
    return result(received, 'a page cache hit', ({ hit }) => hit);
  },
  toBePageCacheMiss(received: ResponseWithHeaders): PageCacheMatcherResult {
    return result(received, 'a page cache miss', ({ fwd }) => fwd !== undefined && !BYPASSES.has(fwd));
  },
  toBypassPageCache(received: ResponseWithHeaders, detail?: string): PageCacheMatcherResult {
    const expected =
      detail === undefined ? 'a bypass of the page cache' : `a bypass of the page cache (detail=${detail})`;
    return result(received, expected, (outcome) => {
      return BYPASSES.has(outcome.fwd) && (detail === undefined || outcome.detail === detail);
    });
  },
};

interface Outcome {
  hit: boolean;
  fwd?: unknown;
  detail?: unknown;
}

function result(
  received: ResponseWithHeaders,
  what: string,
  test: (outcome: Outcome) => boolean,
): PageCacheMatcherResult {
  const field = cacheStatusField(received);
  const pass = test(outcomeOf(parseCacheStatus(field ?? '')));
  return {
    pass,
    message: () =>
      `expected the response ${pass ? 'not ' : ''}to be ${what}, but ` +
      (field === undefined ? 'it has no Cache-Status' : `its Cache-Status is: ${field}`),
  };
}

/**
 * One of our caches answered. Otherwise the request got as far as the cache closest to the application (the first in the field), which knows
 * best why.
 */
function outcomeOf(statuses: CacheStatus[]): Outcome {
  const ours = statuses.filter(({ cache }) => OURS.has(cache));
  if (ours.some(({ parameters }) => parameters.get('hit') === true)) return { hit: true };
  const parameters = ours[0]?.parameters;
  return { hit: false, fwd: parameters?.get('fwd'), detail: parameters?.get('detail') };
}

function cacheStatusField(received: ResponseWithHeaders): string | undefined {
  const headers = headersOf(received);
  const fields: Iterable<readonly [string, unknown]> =
    Symbol.iterator in headers ? (headers as Iterable<[string, unknown]>) : Object.entries(headers);
  const values = [...fields].filter(([name]) => name.toLowerCase() === 'cache-status').map(([, value]) => value);
  // A value may itself be a list of values: Node gives repeated fields in this way.
  return values.length === 0 ? undefined : values.flat().join(', ');
}

/** Whatever the types say, `expect()` takes anything. */
function headersOf(received: unknown): object {
  const headers: unknown = (received as Partial<ResponseWithHeaders> | undefined)?.headers;
  if (typeof headers === 'object' && headers !== null) return headers;
  const hint = received instanceof Promise ? 'did you forget to await it?' : `got ${inspect(received, { depth: 0 })}`;
  throw new TypeError(`a response with headers is needed (${hint})`);
}
