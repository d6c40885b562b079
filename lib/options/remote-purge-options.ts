/**
 * `remotePurge`: who may purge pages over HTTP, and how.
 *
 * @publicApi
 */
export interface RemotePurgeOptions {
  /** At least 16 characters. */
  token: string;
  /** A query parameter: a GET in which its value is the token purges the page at that address. Default: none. */
  parameter?: string;
}
