import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { type HeaderField, valuesOf } from '../http/fields.js';
import type { Page } from '../page/page.js';
import type { PageDraft } from '../page/page-draft.js';
import type { PageAddress } from '../page/page-key.js';
import type { RequestHead } from '../rules/request-head.js';

/**
 * A GET that the rules allow has arrived. No middleware, guard or handler has seen it yet. The application then looks for a stored page,
 * unless a listener prevents it. If a listener does, the request continues to its handler, and `PageRequested` listeners are called as
 * well.
 *
 * An application without nginx in front answers hits before anything else runs. It does so only if every listener to `PageRequested` also
 * listens to this event.
 *
 * @example
 * @OnPageCache(PageRequested)
 * @OnPageCache(RequestArrived)
 * keepCrawlersOut(event: RequestArrived) {
 *   if (event.head.headers['x-crawler']) event.bypass('crawler');
 * }
 *
 * @publicApi
 */
export class RequestArrived {
  #bypassed: string | undefined;
  #skipped: string | undefined;

  /**
   * @param head method, target and header fields, as they were sent
   * @param request the request of Node
   * @param address the key and the address of the page
   */
  constructor(
    readonly head: RequestHead,
    readonly request: IncomingMessage,
    readonly address: PageAddress,
  ) {}

  /** Why the request goes past the cache; `undefined` if it does not. */
  get refusal(): string | undefined {
    return this.#bypassed;
  }

  /**
   * Answers this request without the cache: no page is looked up, and none is stored.
   *
   * @param reason reported as `detail` of the `Cache-Status` field
   */
  bypass(reason: string): void {
    this.#bypassed ??= reason || 'unspecified';
  }

  /** Why the response of the handler will not be stored. A stored page may still answer the request. */
  get skipped(): string | undefined {
    return this.#skipped;
  }

  /**
   * Answers this request from the cache if the page is stored and has validators. Otherwise it answers without the cache, like `bypass()`.
   *
   * @param reason reported as `detail` of the `Cache-Status` field
   */
  skip(reason: string): void {
    this.#skipped ??= reason || 'unspecified';
  }

  /**
   * The same as `bypass()`.
   *
   * @param reason reported as `detail` of the `Cache-Status` field
   */
  refuse(reason: string): void {
    this.bypass(reason);
  }
}

/**
 * A GET has reached a handler that may be cached. A listener may send it past the cache.
 *
 * @example
 * @OnPageCache(PageRequested)
 * keepBetaOut(event: PageRequested) {
 *   if (event.context.getClass() === BetaController) event.bypass('beta');
 * }
 *
 * @publicApi
 */
export class PageRequested extends RequestArrived {
  /** @param context the handler and its arguments */
  constructor(
    head: RequestHead,
    request: IncomingMessage,
    readonly context: ExecutionContext,
    address: PageAddress,
  ) {
    super(head, request, address);
  }
}

/** What `PageResponding` and `PageRendered` share: a page that can still be kept out. */
abstract class PageDecision {
  /**
   * @param draft the page, as it will be stored
   * @param request the request of Node
   * @param context the handler and its arguments
   */
  constructor(
    readonly draft: PageDraft,
    readonly request: IncomingMessage,
    readonly context: ExecutionContext,
  ) {}

  /** Why the page will not be stored; `undefined` if it will. */
  get refusal(): string | undefined {
    return this.draft.skipped;
  }

  /**
   * Keeps the page out of the cache.
   *
   * @param reason reported as `detail` of the `Cache-Status` field
   */
  skip(reason: string): void {
    this.draft.skip(reason || 'unspecified');
  }

  /**
   * The same as `skip()`.
   *
   * @param reason reported as `detail` of the `Cache-Status` field
   */
  refuse(reason: string): void {
    this.skip(reason);
  }
}

/**
 * Status and header of a response are about to be sent; its content is not known yet. `Cache-Status` tells the visitor what is decided
 * here. The content of a skipped page is not collected. Listeners must be synchronous.
 *
 * @example
 * @OnPageCache(PageResponding)
 * keepDraftsOut(event: PageResponding) {
 *   if (event.header('x-draft').length > 0) event.skip('draft');
 * }
 *
 * @publicApi
 */
export class PageResponding extends PageDecision {
  /**
   * @param status the status code of the response
   * @param headers its header fields, in the order in which they are sent
   */
  constructor(
    draft: PageDraft,
    request: IncomingMessage,
    context: ExecutionContext,
    readonly status: number,
    readonly headers: readonly HeaderField[],
  ) {
    super(draft, request, context);
  }

  /**
   * Reads a header field of the response.
   *
   * @param name in any case
   * @returns the value of each line of the field
   */
  header(name: string): string[] {
    return valuesOf(this.headers, name);
  }
}

/**
 * A page is complete and has been sent. A listener may still skip it, or change its ttl and tags.
 *
 * @example
 * @OnPageCache(PageRendered)
 * keepPreviewsOut(event: PageRendered) {
 *   if (event.page.body.includes('class="preview"')) event.skip('preview');
 * }
 *
 * @publicApi
 */
export class PageRendered extends PageDecision {
  constructor(
    draft: PageDraft,
    request: IncomingMessage,
    context: ExecutionContext,
    /** The page as it was sent, with its content coding undone. */
    readonly page: Page,
  ) {
    super(draft, request, context);
  }

  /** How long the page will be served, in milliseconds; 0 = until purged. */
  get ttl(): number {
    return this.draft.ttl;
  }

  set ttl(milliseconds: number) {
    this.draft.ttl = milliseconds;
  }

  /** The tags of the page. */
  get tags(): ReadonlySet<string> {
    return this.draft.tags;
  }

  /**
   * Adds tags to the page.
   *
   * @param tags labels by which the page can be purged
   */
  tag(...tags: string[]): void {
    this.draft.tag(...tags);
  }
}

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
