import { httpDate } from './http-date.js';
import { cacheControl, targetedCacheControl } from './cache-directives.js';
import { currentAge, type FieldReader } from './current-age.js';

/**
 * How long a shared cache may serve a response (RFC 9111, section 4.2.1; RFC 9213): `CDN-Cache-Control`, else `s-maxage`, else `max-age`, else
 * `Expires`; minus the age of the response. A malformed or contradictory value counts as stale.
 *
 * @param now in milliseconds since the epoch
 * @returns milliseconds, 0 when it is stale already; `undefined` when the response does not say
 */
export function freshnessLifetime(field: FieldReader, now: number): number | undefined {
  const targeted = targetedCacheControl(field('cdn-cache-control'));
  const general = cacheControl(field('cache-control'));
  const seconds =
    targeted?.seconds('s-maxage') ??
    targeted?.seconds('max-age') ??
    // A targeted field replaces the others, even when it says nothing of freshness.
    (targeted ? undefined : (general.seconds('s-maxage') ?? general.seconds('max-age')));
  const lifetime = seconds === undefined ? (targeted ? undefined : expires(field, now)) : seconds * 1000;
  return lifetime === undefined ? undefined : Math.max(0, lifetime - currentAge(field, now));
}

/** Why a shared cache must not store a response at all: by `CDN-Cache-Control`, which replaces `Cache-Control` (RFC 9213, section 2.2). */
export function forbiddenBy(field: FieldReader): string | undefined {
  const directives = targetedCacheControl(field('cdn-cache-control')) ?? cacheControl(field('cache-control'));
  return ['no-store', 'private', 'no-cache'].find((name) => directives.has(name));
}

function expires(field: FieldReader, now: number): number | undefined {
  const values = field('expires');
  if (values.length === 0) return undefined;
  const date = httpDate(field('date')[0], now) ?? now;
  // An invalid date is in the past (RFC 9111, section 5.3); of several, the earliest counts.
  return Math.max(0, Math.min(...values.map((value) => (httpDate(value, now) ?? 0) - date)));
}
