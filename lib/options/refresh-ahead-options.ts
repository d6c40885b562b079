/**
 * Options of `refreshAhead`: which pages are rendered again before they expire, and how fast.
 *
 * @example
 * { inactive: 300_000, rate: 50, afterPurge: 20 }
 *
 * @publicApi
 */
export interface RefreshAheadOptions {
  /**
   * How long pages stay in use after a visitor has read them, in milliseconds. A page is rendered again if a visitor has read it since it
   * was stored, or within this time (like `inactive` of nginx's `proxy_cache_path`). It matters if the ttl is shorter. Default 60,000.
   */
  readonly inactive?: number;
  /** How many pages a second are rendered at most. The pages that expire first come first. Default 100. */
  readonly rate?: number;
  /**
   * How many of the purged pages are rendered again right after the purge: of the pages that were kept because visitors read them, those
   * that were read last. Default 0.
   */
  readonly afterPurge?: number;
}
