import type { Page } from './page.js';

/** What a memcached item holds: its bytes and its 32-bit client flags. */
export interface StoredValue {
  readonly bytes: Buffer;
  readonly flags: number;
}

/** memcached flag 1 marks gzip data, as nginx is told with `memcached_gzip_flag 1`. */
export const GZIP_FLAG = 1;

/**
 * Turns a page into the value of a memcached item, and back. `bodyFormat` is what nginx's stock memcached module reads, `srcacheFormat` what
 * srcache reads, `responseFormat` what njs reads.
 */
export interface PageFormat {
  readonly name: 'body' | 'response';
  /** @param key the key of the page */
  encode(page: Page, key: string): StoredValue;
  /** `undefined` when the value is not of this format: someone else wrote it, or it is damaged. */
  decode(value: StoredValue, key: string): Page | undefined;
}
