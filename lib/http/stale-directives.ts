import { cacheControl, targetedCacheControl } from './cache-directives.js';
import type { FieldReader } from './current-age.js';

/** What a response says about its use after it has expired (RFC 5861). Times are in milliseconds, and `undefined` when it does not say. */
export interface StaleDirectives {
  readonly whileRevalidate: number | undefined;
  readonly ifError: number | undefined;
  /** Whether nobody may use the response then: `must-revalidate`, `proxy-revalidate`. */
  readonly isForbidden: boolean;
  /**
   * Whether the response has `s-maxage`, which forbids this as well, unless the response itself allows it (RFC 9111, sections 4.2.4 and 5.2.2.10).
   */
  readonly hasSharedMaxAge: boolean;
}

/** Reads `CDN-Cache-Control`, which replaces `Cache-Control` (RFC 9213, section 2.2). A malformed time counts as 0. */
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
