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
