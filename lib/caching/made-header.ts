import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** What Node's `OutgoingMessage` keeps between `writeHead()` and the first content (lib/_http_outgoing.js). */
interface Unsent {
  _header?: unknown;
  _headerSent?: unknown;
}

/**
 * Replaces a text in a header that is complete and not yet sent.
 *
 * @param said the text, which must stand nowhere else in the header
 * @returns `false`, with nothing done, when the header has been sent (or copied, as Fastify's `inject()` does), or is not kept as text (HTTP/2)
 */
export function replaceInHeader(response: ServerResponse, said: string, instead: string): boolean {
  const unsent = response as Unsent;
  const { _header: header } = unsent;
  if (unsent._headerSent !== false || !(response.socket instanceof Socket)) return false;
  if (header === null) return replaceInTag(response, said, instead);
  if (typeof header !== 'string' || !header.includes(said)) return false;
  unsent._header = header.replace(said, () => instead);
  return true;
}

/** For a header that has not been made yet: that of an HTML page waits for the page's end (fragments/held-page.ts). */
function replaceInTag(response: ServerResponse, said: string, instead: string): boolean {
  const tag = response.getHeader('ETag');
  if (typeof tag !== 'string' || !tag.includes(said)) return false;
  response.setHeader(
    'ETag',
    tag.replace(said, () => instead),
  );
  return true;
}
