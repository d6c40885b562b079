/**
 * What a store knows of a page without its content.
 *
 * @publicApi
 */
export interface PageDetails {
  /** Milliseconds until it ends; 0 = it stays until it is purged. */
  readonly ttl: number;
  /** Milliseconds since it was stored; absent when the store does not say so: memcached forgets it once somebody has read the page. */
  readonly age?: number | undefined;
  /** Bytes that the store keeps for it: as it is packed there, in all forms together. */
  readonly size: number;
  /** Its tags; absent when the store has lost them. */
  readonly tags?: readonly string[] | undefined;
  /** Whether anybody has read it since it was stored; absent when the store does not say so. */
  readonly isRead?: boolean | undefined;
}
