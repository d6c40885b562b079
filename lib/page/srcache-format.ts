import { hasRanges } from '../http/byte-range.js';
import type { HeaderField } from '../http/fields.js';
import type { PageFormat } from './page-format.js';
import { responseFormat } from './response-format.js';

/** Not sent: nginx's range filter (ngx_http_range_filter_module) may divide this page, and says so itself. */
const ALLOW_RANGES: HeaderField = ['X-SRCache-Allow-Ranges', '1'];

/**
 * The whole response with a field for srcache, as `srcache_store` would write it.
 *
 * @see https://github.com/openresty/srcache-nginx-module/blob/v0.33/src/ngx_http_srcache_headers.c
 */
export const srcacheFormat = {
  name: 'response',

  encode: (page) =>
    responseFormat.encode(
      hasRanges(page) ? { ...page, headers: [...without(page.headers, 'Accept-Ranges'), ALLOW_RANGES] } : page,
    ),

  decode(value) {
    const page = responseFormat.decode(value);
    return page && { ...page, headers: without(page.headers, ALLOW_RANGES[0]) };
  },
} satisfies PageFormat;

function without(headers: readonly HeaderField[], name: string): readonly HeaderField[] {
  return headers.filter(([field]) => field.toLowerCase() !== name.toLowerCase());
}
