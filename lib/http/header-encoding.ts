import type { ServerResponse } from 'node:http';

const held = new WeakMap<ServerResponse, boolean>();

/**
 * If the first content is text, Node puts the header before it, and sends both as UTF-8. Otherwise it sends the header as latin1, also before text
 * in chunks, whose size comes first (`_send` in its lib/_http_outgoing.js).
 *
 * @param chunk the first content, when it has been written: an empty text stands for `flushHeaders()`
 */
export function isHeaderUtf8(
  response: ServerResponse,
  chunk: string | Uint8Array,
  encoding: string | undefined,
): boolean {
  return held.get(response) ?? (isUtf8(chunk, encoding) && (chunk === '' || response.chunkedEncoding === false));
}

/**
 * Notes the same of a response that is held back and sent with a length.
 *
 * @param isAll whether no other content follows
 * @returns whether the header is to be sent as UTF-8
 */
export function holdHeader(
  response: ServerResponse,
  chunk: string | Uint8Array,
  encoding: string | undefined,
  isAll: boolean,
): boolean {
  let is = held.get(response);
  if (is === undefined)
    held.set(response, (is = isUtf8(chunk, encoding) && (chunk === '' || !isChunked(response, isAll))));
  return is;
}

function isUtf8(chunk: string | Uint8Array, encoding: string | undefined): boolean {
  return typeof chunk === 'string' && (encoding || 'utf8') === 'utf8';
}

/** Whether Node would send it in chunks. */
function isChunked(response: ServerResponse, isAll: boolean): boolean {
  if (response.hasHeader('transfer-encoding')) return true;
  return !isAll && response.useChunkedEncodingByDefault && !response.hasHeader('content-length');
}
