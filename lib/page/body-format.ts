import type { HeaderField } from '../http/fields.js';
import { GZIP_FLAG, type PageFormat } from './page-format.js';

/**
 * The body alone: all that nginx's stock module can serve (ngx_http_memcached_module). Status and header fields
 * are those that the nginx configuration gives to every page.
 *
 * @param headers the fields that nginx sends with every page, its content type among them
 */
export function bodyFormat(headers: readonly HeaderField[]): PageFormat {
  return {
    name: 'body',
    encode: ({ body, contentEncoding }) => ({
      bytes: body,
      flags: contentEncoding === 'gzip' ? GZIP_FLAG : 0,
    }),
    decode: ({ bytes, flags }) => ({
      status: 200,
      headers,
      body: bytes,
      ...(flags & GZIP_FLAG ? { contentEncoding: 'gzip' as const } : {}),
    }),
  };
}
