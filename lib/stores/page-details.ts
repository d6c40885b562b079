/**
 * What a store knows about a page without reading its content.
 *
 * @publicApi
 */
export interface PageDetails {
  /** Milliseconds until the page expires; 0 = it stays until it is purged. */
  readonly ttl: number;
  /** Milliseconds since the page was stored. Absent if the store does not know it: memcached forgets it when somebody reads the page. */
  readonly age?: number | undefined;
  /** How many bytes the store keeps for the page: compressed, in all its forms together. */
  readonly size: number;
  /** The tags of the page; absent if the store has lost them. */
  readonly tags?: readonly string[] | undefined;
  /** Whether anybody has read the page since it was stored; absent if the store does not know it. */
  readonly isRead?: boolean | undefined;
}
