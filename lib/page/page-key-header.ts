import type { IncomingHttpHeaders } from 'node:http';

/**
 * The request field in which nginx tells the application which key it has looked up, or `bypass`. nginx always sets it, so a
 * visitor cannot.
 */
export const PAGE_KEY_HEADER = 'X-Page-Cache-Key';

/**
 * The request field in which nginx tells the application the fingerprint of its configuration. If the application has another one, the two do not
 * match.
 */
export const CONFIGURATION_HEADER = 'X-Page-Cache-Configuration';
const CONFIGURATION_FIELD = CONFIGURATION_HEADER.toLowerCase();

const PAGE_KEY_FIELD = PAGE_KEY_HEADER.toLowerCase();

/**
 * The request fields in which nginx tells the application who asks for a page that is not stored. The page is made for nobody, and its fragments
 * for this visitor.
 */
export const VISITOR_HEADERS = {
  cookie: 'X-Page-Fragment-Cookie',
  authorization: 'X-Page-Fragment-Authorization',
} as const;

/**
 * The request field in which nginx tells the application that it asks for a fragment, and of which page. nginx removes it from all other requests.
 */
export const FRAGMENT_HEADER = 'X-Page-Fragment';

/** The request field in which nginx tells the application the nonce of the page that contains the fragment. */
export const NONCE_HEADER = 'X-Page-Fragment-Nonce';

/** The fields in which nginx says something about fragments. */
export const FRAGMENT_FIELDS = [FRAGMENT_HEADER, NONCE_HEADER, ...Object.values(VISITOR_HEADERS)];

/** All fields in which nginx tells this module something, by Node's names. */
export const FROM_NGINX = [PAGE_KEY_HEADER, CONFIGURATION_HEADER, ...FRAGMENT_FIELDS].map((name) => name.toLowerCase());

/** The fingerprint of the options of nginx; `undefined` when the request has not come through nginx. */
export function configurationOf(headers: IncomingHttpHeaders): string | undefined {
  return headers[CONFIGURATION_FIELD]?.toString();
}

/** What nginx sends with a request that it keeps away from the cache: `bypass`, and the reason. No key contains a space. */
export const NGINX_BYPASS = /^bypass(?:$| +)/;

/** The key that nginx has looked up, or `bypass`; `undefined` when the request has not come through nginx. */
export function lookedUp(headers: IncomingHttpHeaders): string | undefined {
  return headers[PAGE_KEY_FIELD]?.toString();
}
