/**
 * Options of `remotePurge`: who may purge pages over HTTP, and how.
 *
 * @example
 * { token: process.env.PURGE_TOKEN, parameter: 'purge' }
 *
 * @publicApi
 */
export interface RemotePurgeOptions {
  /** The secret; at least 16 characters. */
  token: string;
  /** A query parameter. A GET with the token as its value purges the page at that address. Default: none. */
  parameter?: string;
}
