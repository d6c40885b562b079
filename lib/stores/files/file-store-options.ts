/**
 * What `fileStore()` takes.
 *
 * @publicApi
 */
export interface FileStoreOptions {
  /** The directory for the pages, on one file system; nginx and every Node process of the site must see it under this path. */
  readonly root: string;
  /** How much disk pages take, in bytes. The least recently used go first. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Also keep each page brotli-coded; needs nginx's brotli_static module. Default false. */
  readonly brotli?: boolean;
  /**
   * nginx cannot see when a page ends; the application removes it then. When no Node process runs any more, nginx goes on
   * serving pages with a ttl for so long, in milliseconds, and so at most that much beyond their end. Pages with ttl 0 it serves
   * for ever. Default 60,000.
   */
  readonly grace?: number;
}
