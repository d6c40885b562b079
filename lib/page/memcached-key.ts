import { percentDecoded } from '../http/percent-decoding.js';

/** The longest key that memcached takes (KEY_MAX_LENGTH), in bytes. */
export const MEMCACHED_KEY_MAX_LENGTH = 250;

/**
 * The key as nginx sends it to memcached: each byte up to 0x20 and `%` as `%XX`, everything else as it is (NGX_ESCAPE_MEMCACHED in ngx_escape_uri,
 * src/core/ngx_string.c).
 *
 * @param key one UTF-16 unit per byte
 */
export function memcachedKey(key: string): string {
  // oxlint-disable-next-line no-control-regex -- control bytes are what is escaped
  return key.replace(/[\x00-\x20%]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** The inverse of `memcachedKey`. */
export function pageKeyOf(memcachedKey: string): string {
  return percentDecoded(memcachedKey);
}
