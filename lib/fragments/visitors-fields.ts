import type { IncomingHttpHeaders } from 'node:http';
import { CONDITIONS, CONTENT_FIELDS, HOP_BY_HOP } from '../http/fields-of-one-request.js';
import { FROM_NGINX, VISITOR_HEADERS } from '../page/page-key-header.js';

/** Fields of the connection, of a condition or range, or of a body: they belong to the request for the page. */
const OF_THE_PAGE: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'http2-settings',
  ...CONDITIONS,
  ...CONTENT_FIELDS,
  'accept',
  'accept-encoding',
  ...FROM_NGINX,
]);

/**
 * What visitors have sent about themselves: cookies, credentials, language, the proxies before them.
 *
 * @param isFromNginx whether their cookies and credentials may be in the fields where nginx puts them
 */
export function visitorsFields(sent: IncomingHttpHeaders, isFromNginx: boolean): Record<string, string | string[]> {
  const fields = Object.entries(sent).filter(
    (field): field is [string, string | string[]] =>
      field[1] !== undefined && !field[0].startsWith(':') && !OF_THE_PAGE.has(field[0]),
  );
  // In HTTP/2, the host is in a field of another name.
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
