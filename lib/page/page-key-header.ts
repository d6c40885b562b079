import type { IncomingHttpHeaders } from 'node:http';

/**
 * The request field in which nginx tells the application which key it has looked up, or `bypass`. nginx always sets it, so a
 * visitor cannot.
 */
export const PAGE_KEY_HEADER = 'X-Page-Cache-Key';

/** The request field in which nginx tells the application the fingerprint of its configuration: with another one, both do not agree. */
export const CONFIGURATION_HEADER = 'X-Page-Cache-Configuration';

const PAGE_KEY_FIELD = PAGE_KEY_HEADER.toLowerCase();

/**
 * The request fields in which nginx tells the application, when a page is not stored, who asks for it: the page is made for nobody, and its
 * fragments for the visitor.
 */
export const VISITOR_HEADERS = {
  cookie: 'X-Page-Fragment-Cookie',
  authorization: 'X-Page-Fragment-Authorization',
} as const;

/** The request field in which nginx tells the application that it asks for a fragment, and of which page. It removes it from every other request. */
export const FRAGMENT_HEADER = 'X-Page-Fragment';

/** The request field in which nginx tells the application the nonce of the page in which a fragment stands. */
export const NONCE_HEADER = 'X-Page-Fragment-Nonce';

/** What nginx says of fragments. */
export const FRAGMENT_FIELDS = [FRAGMENT_HEADER, NONCE_HEADER, ...Object.values(VISITOR_HEADERS)];

/** All that nginx tells this module, as Node names it. */
export const FROM_NGINX = [PAGE_KEY_HEADER, CONFIGURATION_HEADER, ...FRAGMENT_FIELDS].map((name) => name.toLowerCase());

/** What nginx says of a request that it keeps away from the cache: `bypass`, and why. No key holds a space. */
export const NGINX_BYPASS = /^bypass(?:$| +)/;

/** The key that nginx has looked up, or `bypass`; `undefined` when the request has not come through nginx. */
export function lookedUp(headers: IncomingHttpHeaders): string | undefined {
  return headers[PAGE_KEY_FIELD]?.toString();
}
