/**
 * `refreshAhead`: which pages are rendered again before they end, and how fast.
 *
 * @publicApi
 */
export interface RefreshAheadOptions {
  /**
   * A page is rendered again as long as a visitor has read it since it was stored, or within so many milliseconds (as `inactive` of nginx's
   * `proxy_cache_path`). It makes a difference where the ttl is shorter. Default 60,000.
   */
  readonly inactive?: number;
  /** So many pages a second at most. Those that end first come first. Default 100. */
  readonly rate?: number;
  /**
   * So many of the pages that a purge has taken are rendered again right after it: of those that were kept because visitors read them, the ones that were
   * read last. Default 0.
   */
  readonly afterPurge?: number;
}
