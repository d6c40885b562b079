import { bodyFormat } from './body-format.js';
import { SHARED_FRAGMENT_PATH } from './fragment-paths.js';
import type { PageFormat } from './page-format.js';

/**
 * Stores whole responses, but only the bodies of fragments that are the same for everybody. nginx reads a fragment in a subrequest and uses only
 * its body. There, neither srcache (access phase, which subrequests skip) nor njs (no subrequest of a subrequest) can read a response.
 *
 * @see https://github.com/openresty/srcache-nginx-module/blob/v0.33/src/ngx_http_srcache_fetch.c ngx_http_srcache_access_handler
 * @see https://nginx.org/en/docs/njs/reference.html#r_subrequest
 */
export function withFragmentBodies(format: PageFormat): PageFormat {
  const formatOf = (key: string) => (isFragmentKey(key) ? FRAGMENT_FORMAT : format);
  return {
    name: format.name,
    encode: (page, key) => formatOf(key).encode(page, key),
    decode: (value, key) => formatOf(key).decode(value, key),
  };
}

const FRAGMENT_FORMAT = bodyFormat([]);

/** The part of a key before the path contains no slash. */
function isFragmentKey(key: string): boolean {
  return key.startsWith(SHARED_FRAGMENT_PATH, key.indexOf('/'));
}
