import type { IncomingMessage } from 'node:http';
import type { NamePattern } from '../rules/cookie.rule.js';

/**
 * `anonymousOnly`: which requests may belong to a session.
 *
 * @publicApi
 */
export interface AnonymousOnlyOptions {
  /** Only these cookies mean a session; all others are ignored. Exact names, names with `*`, or regular expressions. */
  sessionCookies?: readonly NamePattern[];
  /** These cookies never mean a session. Replaces the default list. */
  ignoreCookies?: readonly NamePattern[];
  /**
   * Asked before a page is stored, after the handler: `false` keeps it out of the cache. nginx cannot ask it, so it
   * must not be the only thing that tells a visitor's own page from everyone's.
   */
  isAnonymous?: (request: IncomingMessage) => boolean;
}
