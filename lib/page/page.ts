/**
 * A complete response to a GET, as nginx (or the application) can send it again.
 *
 * @publicApi
 */
export interface Page {
  /** Status code (RFC 9110, section 15). */
  readonly status: number;
  /**
   * End-to-end header fields in the order, the case and the number in which they were sent.
   * `Content-Length` and `Content-Encoding` are not among them: they follow from the body.
   */
  readonly headers: readonly HeaderField[];
  /** The content; gzip data when `contentEncoding` says so. */
  readonly body: Buffer;
  /** Content coding of `body` (RFC 9110, section 8.4); none when absent. */
  readonly contentEncoding?: 'gzip';
  /** Labels, by which it can be purged; not sent. */
  readonly tags?: readonly string[];
}

/**
 * One header field line: name and value.
 *
 * @publicApi
 */
export type HeaderField = readonly [name: string, value: string];

/** A redirect says all in its header (RFC 9110, section 15.4). */
export function mayBeEmpty(status: number): boolean {
  return status >= 300 && status < 400;
}

/**
 * All values of a field, one a line.
 *
 * @param name in lower case
 */
export function valuesOf(headers: readonly HeaderField[], name: string): string[] {
  return headers.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
}

/**
 * The value of the first field of that name.
 *
 * @param name in lower case
 */
export function headerOf(page: Pick<Page, 'headers'>, name: string): string | undefined {
  return page.headers.find(([field]) => field.toLowerCase() === name)?.[1];
}
