import type { PageTarget } from '../purging/purge-target.js';

/**
 * What `@PurgePages()` does besides purging its targets.
 *
 * @example
 * @PurgePages({ refresh: true, tags: ['posts'] }, '/')
 *
 * @publicApi
 */
export interface PurgePagesOptions {
  /** Renders the pages again and replaces them in place, instead of deleting them. Pages with one of `tags` are deleted anyway. */
  refresh?: boolean;
  /** Also purges the pages that carry one of these tags. */
  tags?: readonly string[];
  /**
   * Also purges the pages at the `Location` and `Content-Location` of the response to an unsafe method, if they are on the same host (RFC
   * 9111, section 4.4). Anybody who may send such a request can then purge that page as often as they like. This needs
   * `PageCacheInterceptor`, which runs everywhere unless `registerInterceptor` is `false`.
   */
  location?: boolean;
}

/**
 * What the function of `@PurgePages()` may return: one target, several, or none.
 *
 * @publicApi
 */
export type PurgedTargets = PageTarget | readonly PageTarget[] | null | undefined;

/**
 * A function that returns the pages to purge after a call of the handler.
 *
 * @param result the value that the handler returned; the last value of an Observable
 * @param request the request of Express or Fastify; `undefined` outside HTTP
 *
 * @publicApi
 */
// The author of the function knows both types, and annotates them.
// oxlint-disable-next-line typescript/no-explicit-any
export type PurgedBy = (result: any, request: any) => PurgedTargets | Promise<PurgedTargets>;
