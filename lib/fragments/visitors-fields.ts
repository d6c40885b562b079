import type { IncomingHttpHeaders } from 'node:http';
import { CONFIGURATION_HEADER, FRAGMENT_HEADER, PAGE_KEY_HEADER } from '../page/page-key-header.js';

/** Fields of the connection, of a condition or a part, of a body: they belong to the request for the page. */
const OF_THE_PAGE: ReadonlySet<string> = new Set(
  // prettier-ignore
  [
    'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'http2-settings',
    'if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range',
    'content-length', 'content-type', 'content-encoding', 'content-md5', 'digest', 'content-digest',
    'accept', 'accept-encoding',
    PAGE_KEY_HEADER.toLowerCase(), CONFIGURATION_HEADER.toLowerCase(), FRAGMENT_HEADER.toLowerCase(),
  ],
);

/** What a visitor has sent of himself: cookies, credentials, language, the proxies before him. */
export function visitorsFields(sent: IncomingHttpHeaders): Record<string, string | string[]> {
  const fields = Object.entries(sent).filter(
    (field): field is [string, string | string[]] =>
      field[1] !== undefined && !field[0].startsWith(':') && !OF_THE_PAGE.has(field[0]),
  );
  // In HTTP/2 the host is a field of another name.
  const host = sent.host ?? sent[':authority'];
  return {
    ...Object.fromEntries(fields),
    ...(host === undefined ? {} : { host: String(host) }),
    accept: 'text/html',
  };
}
