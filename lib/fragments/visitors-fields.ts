import type { IncomingHttpHeaders } from 'node:http';
import { CONFIGURATION_HEADER, FRAGMENT_HEADER, PAGE_KEY_HEADER, VISITOR_HEADERS } from '../page/page-key-header.js';

/** Fields of the connection, of a condition or a part, of a body: they belong to the request for the page. */
const OF_THE_PAGE: ReadonlySet<string> = new Set(
  // prettier-ignore
  [
    'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'http2-settings',
    'if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range',
    'content-length', 'content-type', 'content-encoding', 'content-md5', 'digest', 'content-digest',
    'accept', 'accept-encoding',
    ...[PAGE_KEY_HEADER, CONFIGURATION_HEADER, FRAGMENT_HEADER, ...Object.values(VISITOR_HEADERS)].map((name) => name.toLowerCase()),
  ],
);

/**
 * What a visitor has sent of himself: cookies, credentials, language, the proxies before him.
 *
 * @param isFromNginx whether his cookies and credentials may stand where nginx puts them
 */
export function visitorsFields(sent: IncomingHttpHeaders, isFromNginx: boolean): Record<string, string | string[]> {
  const fields = Object.entries(sent).filter(
    (field): field is [string, string | string[]] =>
      field[1] !== undefined && !field[0].startsWith(':') && !OF_THE_PAGE.has(field[0]),
  );
  // In HTTP/2 the host is a field of another name.
  const host = sent.host ?? sent[':authority'];
  return {
    ...Object.fromEntries(fields),
    ...(host === undefined ? {} : { host: String(host) }),
    ...(isFromNginx ? ownFields(sent) : {}),
    accept: 'text/html',
  };
}

function ownFields(sent: IncomingHttpHeaders): Record<string, string> {
  const own = Object.entries(VISITOR_HEADERS).map(([name, from]) => [name, sent[from.toLowerCase()]?.toString()]);
  return Object.fromEntries(own.filter(([, value]) => value !== undefined));
}
