import { cacheControl, targetedCacheControl } from './cache-directives.js';
import type { FieldReader } from './current-age.js';

/** What a response says of its use after its end (RFC 5861). Times are milliseconds, `undefined` where it does not say. */
export interface StaleDirectives {
  readonly whileRevalidate: number | undefined;
  readonly ifError: number | undefined;
  /** Whether nobody may use it then: `must-revalidate`, `proxy-revalidate`. */
  readonly isForbidden: boolean;
  /** Whether it has `s-maxage`, which forbids it as well, unless the response itself allows it (RFC 9111, sections 4.2.4 and 5.2.2.10). */
  readonly hasSharedMaxAge: boolean;
}

/** By `CDN-Cache-Control`, which replaces `Cache-Control` (RFC 9213, section 2.2). What is malformed is no time at all. */
export function staleDirectives(field: FieldReader): StaleDirectives {
  const directives = targetedCacheControl(field('cdn-cache-control')) ?? cacheControl(field('cache-control'));
  const milliseconds = (name: string) => {
    const seconds = directives.seconds(name);
    return seconds === undefined ? undefined : seconds * 1000;
  };
  return {
    whileRevalidate: milliseconds('stale-while-revalidate'),
    ifError: milliseconds('stale-if-error'),
    isForbidden: directives.has('must-revalidate') || directives.has('proxy-revalidate'),
    hasSharedMaxAge: directives.has('s-maxage'),
  };
}
