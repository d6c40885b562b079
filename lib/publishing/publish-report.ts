/**
 * What publishing has done, by path.
 *
 * @publicApi
 */
export interface PublishReport {
  /** Rendered and stored. */
  readonly published: readonly string[];
  /** No longer a page (404, 410, a redirect, 401 or 403): whatever was stored is gone. */
  readonly purged: readonly string[];
  /** Rendered, but a listener kept it out of the cache; what was stored before is gone as well. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  /**
   * Could not be rendered (429, a status of the 500s, no answer in time): what was stored before is still there. Without a status there was no
   * answer.
   */
  readonly failed: readonly { readonly path: string; readonly status?: number }[];
  /** In milliseconds. */
  readonly duration: number;
}
