import type { HeaderField } from '../http/fields.js';
import { GZIP_FLAG, type PageFormat } from './page-format.js';

/**
 * The body alone: all that nginx's stock module can serve (ngx_http_memcached_module). Status and header fields
 * are those that the nginx configuration gives to every page.
 *
 * @param headers the fields that nginx sends with every page
 * @param contentTypeOf the content type, by the key of a page
 */
export function bodyFormat(
  headers: readonly HeaderField[],
  contentTypeOf: (key: string) => string = () => 'text/html; charset=utf-8',
): PageFormat {
  return {
    name: 'body',
    encode: ({ body, contentEncoding }) => ({
      bytes: body,
      flags: contentEncoding === 'gzip' ? GZIP_FLAG : 0,
    }),
    decode: ({ bytes, flags }, key) => ({
      status: 200,
      headers: [['Content-Type', contentTypeOf(key)], ...headers],
      body: bytes,
      ...(flags & GZIP_FLAG ? { contentEncoding: 'gzip' as const } : {}),
    }),
  };
}
