import type { HeaderField } from '../http/fields.js';

/**
 * A complete response to a GET, as nginx (or the application) can send it again.
 *
 * @publicApi
 */
export interface Page {
  /** Status code (RFC 9110, section 15). */
  readonly status: number;
  /**
   * End-to-end header fields, in the order, case and number in which they were sent. `Content-Length` and `Content-Encoding` are not
   * included, because they follow from the body.
   */
  readonly headers: readonly HeaderField[];
  /** The content; gzip data when `contentEncoding` says so. */
  readonly body: Buffer;
  /** Content coding of `body` (RFC 9110, section 8.4); none when absent. */
  readonly contentEncoding?: 'gzip';
  /** Labels by which the page can be purged; they are not sent. */
  readonly tags?: readonly string[];
}

/** Whether a body may be empty: a redirect says everything in its header (RFC 9110, section 15.4). */
export function mayBeEmpty(status: number): boolean {
  return status >= 300 && status < 400;
}
