import type { IncomingMessage } from 'node:http';
import type { NamePattern } from '../rules/cookie.rule.js';

/**
 * Options of `anonymousOnly`: which requests may belong to a session.
 *
 * @example
 * { sessionCookies: ['connect.sid'] }
 *
 * @publicApi
 */
export interface AnonymousOnlyOptions {
  /** Only these cookies belong to a session; all others are ignored. Exact names, names with `*`, or regular expressions. */
  sessionCookies?: readonly NamePattern[];
  /** These cookies never belong to a session. The list replaces the default list. */
  ignoreCookies?: readonly NamePattern[];
  /**
   * Called after the handler, before a page is stored; `false` keeps the page out of the cache. nginx cannot call it, so do not use it as
   * the only way to recognise private pages.
   */
  isAnonymous?: (request: IncomingMessage) => boolean;
}
