/** The longest relative expiry, in seconds. memcached takes a larger number for a unix time (doc/protocol.txt, "Expiration times"). */
const LONGEST_RELATIVE = 30 * 24 * 60 * 60;

/** memcached keeps the unix time in 32 bits (`realtime()`, memcached.c). */
const LATEST_ABSOLUTE = 0x7fff_ffff;

/**
 * The expiry as memcached takes it: whole seconds, rounded up; a unix time above 30 days; 0 for never.
 *
 * @param ttl milliseconds; 0 for never
 * @throws RangeError when it is negative or no number
 */
export function memcachedExpiry(ttl: number): number {
  if (!(ttl >= 0)) throw new RangeError(`ttl must be 0 or more milliseconds, got ${ttl}`);
  const seconds = Math.ceil(ttl / 1000);
  if (seconds <= LONGEST_RELATIVE) return seconds;
  const absolute = Math.floor(Date.now() / 1000) + seconds;
  return absolute <= LATEST_ABSOLUTE ? absolute : 0;
}
