import type { ServerResponse } from 'node:http';

/**
 * If the first content is text, Node puts the header before it, and sends both as UTF-8. Otherwise it sends the header as latin1
 * (`_send` in its lib/_http_outgoing.js).
 *
 * @param chunk the first content: an empty text stands for `flushHeaders()`
 */
export function isHeaderUtf8(
  response: ServerResponse,
  chunk: string | Uint8Array,
  encoding: string | undefined,
): boolean {
  return (
    typeof chunk === 'string' && (encoding || 'utf8') === 'utf8' && (chunk === '' || response.chunkedEncoding === false)
  );
}
