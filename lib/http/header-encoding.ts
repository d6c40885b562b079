import type { ServerResponse } from 'node:http';

const decided = new WeakMap<ServerResponse, boolean>();

/**
 * If the first content is text, Node puts the header before it, and sends both as UTF-8. Otherwise it sends the header as latin1, also before text
 * in chunks, whose size comes first (`_send` in its lib/_http_outgoing.js). HTTP/2 has only latin1.
 *
 * @param chunk the first content, after it has been written: an empty text stands for `flushHeaders()`
 */
export function isHeaderUtf8(
  response: ServerResponse,
  chunk: string | Uint8Array,
  encoding: string | undefined,
): boolean {
  return (
    decided.get(response) ?? (isText(response, chunk, encoding) && (chunk === '' || response.chunkedEncoding === false))
  );
}

/**
 * Decides the same for a response that is held back, and remembers it. Only the first call for a response decides.
 *
 * @param isAll whether the header is made for this content and no other follows, so that Node knows its length
 */
export function decideHeader(
  response: ServerResponse,
  chunk: string | Uint8Array,
  encoding: string | undefined,
  isAll: boolean,
): void {
  if (decided.has(response)) return;
  decided.set(response, isText(response, chunk, encoding) && (chunk === '' || !isChunked(response, isAll)));
}

/** What `decideHeader` has decided; `false` if it has not been called. */
export function isDecidedUtf8(response: ServerResponse): boolean {
  return decided.get(response) ?? false;
}

function isText({ req }: ServerResponse, chunk: string | Uint8Array, encoding: string | undefined): boolean {
  return req.httpVersionMajor !== 2 && typeof chunk === 'string' && (encoding || 'utf8') === 'utf8';
}

/** Whether Node would send it in chunks (`_storeHeader`). */
function isChunked(response: ServerResponse, isAll: boolean): boolean {
  if (response.hasHeader('transfer-encoding')) return true;
  if (response.hasHeader('content-length') || !response.useChunkedEncodingByDefault) return false;
  return !isAll || response.hasHeader('trailer');
}
