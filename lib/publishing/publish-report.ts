/**
 * What publishing has done, by path.
 *
 * @publicApi
 */
export interface PublishReport {
  /** Rendered and stored. */
  readonly published: readonly string[];
  /** No longer a page (404, a redirect, an error): whatever was stored is gone. */
  readonly purged: readonly string[];
  /** Rendered, but a listener kept it out of the cache; what was stored before is gone as well. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  /** In milliseconds. */
  readonly duration: number;
}
