import type { IncomingMessage } from 'node:http';
import type { PageAddress } from '../page/page-key.js';

/**
 * The store has acknowledged a page.
 *
 * @publicApi
 */
export class PageStored {
  /**
   * @param address the key and the address of the page
   * @param tags the tags of the page
   */
  constructor(
    readonly address: PageAddress,
    /** Milliseconds; 0 = until purged. */
    readonly ttl: number,
    readonly tags: readonly string[],
    /** Size as stored, in bytes. */
    readonly bytes: number,
    /** What caused the rendering: a visitor, `publish()` or `refresh()`, or the option `refreshAhead`. */
    readonly cause: 'visit' | 'publish' | 'refresh-ahead' = 'visit',
    /** How long the store took, in milliseconds. */
    readonly duration = 0,
    /** Whether a visitor had read the page that this one replaces, as far as the store knows. Only with `refreshAhead`. */
    readonly wasRead = false,
  ) {}
}

/**
 * A response was sent and not stored.
 *
 * @publicApi
 */
export class PageSkipped {
  /**
   * @param address the key and the address of the page
   * @param reason the `detail` of the `Cache-Status` field, if it was known before the header was sent
   */
  constructor(
    readonly address: PageAddress,
    readonly reason: string,
  ) {}
}

/**
 * A request to a handler went past the cache: no stored page answered it, and its response is not stored.
 *
 * @publicApi
 */
export class PageBypassed {
  /**
   * @param request the request of Node
   * @param reason the `detail` of the `Cache-Status` field
   */
  constructor(
    readonly request: IncomingMessage,
    readonly reason: string,
  ) {}
}

/**
 * The application answered with a stored page. It does not know of the pages that nginx serves.
 *
 * @publicApi
 */
export class PageServed {
  /** @param address the key and the address of the page */
  constructor(
    readonly address: PageAddress,
    /**
     * Where the page came from: from the store, from the rendering for another visitor at the same time, or from a copy that was sent after
     * the page had expired or instead of an error.
     */
    readonly source: 'stored' | 'collapsed' | 'stale-while-revalidate' | 'stale-if-error',
  ) {}
}

/**
 * Pages have been purged. This is the place to purge a CDN.
 *
 * @publicApi
 */
export class PagesPurged {
  constructor(
    /** The targets of the purge: paths, `/path/*` for a subtree, regular expressions. */
    readonly targets: readonly string[],
    /** How many pages were deleted; 0 when `publish()` or `refresh()` replaced them. */
    readonly purged: number,
    /**
     * The pages by path, on one host or on all; `undefined` when a subtree, a pattern, a tag or everything was purged. Each entry stands
     * for all queries of the path. This is meant for caches in front of nginx, which may have pages that are not stored here.
     */
    readonly pages?: readonly { readonly path: string; readonly host?: string | undefined }[],
  ) {}
}

/**
 * The progress of `publishMany()` or `publishSitemap()` after each page. A page counts once for each of its variants and hosts.
 *
 * @publicApi
 */
export interface PublishProgress {
  /** Path and query of the last finished page. */
  readonly path: string;
  /** What happened to the page, as in the report. */
  readonly result: 'published' | 'purged' | 'skipped' | 'failed' | 'kept';
  /** Why the page was skipped, or failed other than by its status. */
  readonly reason?: string;
  /** The status of the response, when the page failed. */
  readonly status?: number;
  /** How many pages are finished, including this one. */
  readonly done: number;
  /** How many pages there are; `undefined` while it is not known. */
  readonly total: number | undefined;
}

/**
 * `publishMany()` or `publishSitemap()` has finished a page.
 *
 * @publicApi
 */
export class PublishProgressed {
  /** @param progress the page, and how many are finished */
  constructor(readonly progress: PublishProgress) {}
}

/**
 * The store, a listener or a rendering failed. Visitors get their responses anyway.
 *
 * @publicApi
 */
export class PageCacheFailed {
  /**
   * @param operation what failed
   * @param error the error that was thrown
   */
  constructor(
    readonly operation: 'get' | 'set' | 'purge' | 'listener' | 'render' | 'refresh-ahead',
    readonly error: unknown,
    /** Whether the module retries the operation until it succeeds, as it does with a purge that the store has not acknowledged. */
    readonly isRetried = false,
  ) {}
}
