/**
 * Options of `fileStore()`.
 *
 * @example
 * fileStore({ root: '/var/cache/blog', maxBytes: 10 * 1024 ** 3 })
 *
 * @publicApi
 */
export interface FileStoreOptions {
  /** The directory of the pages, on one file system. nginx and every Node process of the site must see it under this path. */
  readonly root: string;
  /** How much disk space pages may take, in bytes. If it is full, the least recently used pages are deleted. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Whether each page is also stored with brotli; this needs the brotli_static module of nginx. Default `false`. */
  readonly brotli?: boolean;
  /**
   * How long nginx may serve pages without a running Node process, in milliseconds. nginx cannot see when a page expires, so the
   * application removes expired pages. When no Node process is running, nginx serves pages with a ttl for this long, and so at most this
   * long after their expiry. It serves pages with ttl 0 forever. Default 60,000.
   */
  readonly grace?: number;
}
