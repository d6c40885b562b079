import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { type HeaderField, valuesOf } from '../http/fields.js';
import type { Page } from '../page/page.js';
import type { PageDraft } from '../page/page-draft.js';
import type { PageAddress } from '../page/page-key.js';
import type { RequestHead } from '../rules/request-head.js';

/**
 * A GET that the rules let through has arrived: no middleware, guard or handler has seen it. The application then looks for a stored page,
 * unless a listener prevents it. In that case the request goes on to its handler, and the listeners to `PageRequested` are asked as well.
 *
 * Without nginx in front, an application answers hits before anything else of it is asked. It does so only if every listener to
 * `PageRequested` listens to this event, too.
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

  constructor(
    readonly head: RequestHead,
    readonly request: IncomingMessage,
    readonly address: PageAddress,
  ) {}

  get refusal(): string | undefined {
    return this.#bypassed;
  }

  /**
   * Answers this request without the cache: nothing is looked up, nothing is stored.
   *
   * @param reason reported as `detail` of the `Cache-Status` field
   */
  bypass(reason: string): void {
    this.#bypassed ??= reason || 'unspecified';
  }

  /** Why the handler's answer will not be stored, although a stored page may be the answer. */
  get skipped(): string | undefined {
    return this.#skipped;
  }

  /**
   * Answers this request from the cache if the page is stored and has validators. Otherwise answers it without the cache, as `bypass` does.
   *
   * @param reason reported as `detail` of the `Cache-Status` field
   */
  skip(reason: string): void {
    this.#skipped ??= reason || 'unspecified';
  }

  refuse(reason: string): void {
    this.bypass(reason);
  }
}

/**
 * A GET has reached a handler that may be cached. A listener may send it past the cache.
 *
 * @publicApi
 */
export class PageRequested extends RequestArrived {
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
  constructor(
    readonly draft: PageDraft,
    readonly request: IncomingMessage,
    readonly context: ExecutionContext,
  ) {}

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

  refuse(reason: string): void {
    this.skip(reason);
  }
}

/**
 * Status and header of a response are about to be sent, and its content is not known yet. The visitor can read in `Cache-Status` what is
 * decided here, and the content of a skipped page is not collected. Listeners must be synchronous.
 *
 * @publicApi
 */
export class PageResponding extends PageDecision {
  constructor(
    draft: PageDraft,
    request: IncomingMessage,
    context: ExecutionContext,
    readonly status: number,
    readonly headers: readonly HeaderField[],
  ) {
    super(draft, request, context);
  }

  /** All values of a field, one a line. */
  header(name: string): string[] {
    return valuesOf(this.headers, name);
  }
}

/**
 * A page is complete and has been sent. A listener may still skip it, and change its ttl and tags.
 *
 * @publicApi
 */
export class PageRendered extends PageDecision {
  constructor(
    draft: PageDraft,
    request: IncomingMessage,
    context: ExecutionContext,
    /** As it was sent, with its content coding undone. */
    readonly page: Page,
  ) {
    super(draft, request, context);
  }

  get ttl(): number {
    return this.draft.ttl;
  }

  set ttl(milliseconds: number) {
    this.draft.ttl = milliseconds;
  }

  get tags(): ReadonlySet<string> {
    return this.draft.tags;
  }

  tag(...tags: string[]): void {
    this.draft.tag(...tags);
  }
}

/**
 * The store has a page.
 *
 * @publicApi
 */
export class PageStored {
  constructor(
    readonly address: PageAddress,
    /** Milliseconds; 0 = until purged. */
    readonly ttl: number,
    readonly tags: readonly string[],
    /** Size as stored, in bytes. */
    readonly bytes: number,
    /** Who has asked for it: a visitor, `publish()` or `refresh()`, or the option `refreshAhead`. */
    readonly cause: 'visit' | 'publish' | 'refresh-ahead' = 'visit',
    /** How long the store took, in milliseconds. */
    readonly duration = 0,
  ) {}
}

/**
 * A page was answered and not stored. `reason` is the `detail` of the `Cache-Status` field, if it was known before the header was sent.
 *
 * @publicApi
 */
export class PageSkipped {
  constructor(
    readonly address: PageAddress,
    readonly reason: string,
  ) {}
}

/**
 * A request to a handler went past the cache: no stored page was the answer, and its own is not stored. `reason` is the `detail` of the
 * `Cache-Status` field.
 *
 * @publicApi
 */
export class PageBypassed {
  constructor(
    readonly request: IncomingMessage,
    readonly reason: string,
  ) {}
}

/**
 * The application has answered with a stored page. Nobody tells it of the pages that nginx serves.
 *
 * @publicApi
 */
export class PageServed {
  constructor(
    readonly address: PageAddress,
    /**
     * Whether the page was in the store, was made for somebody else who had asked at the same time, or is a copy that was sent after the end
     * of the page or instead of an error.
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
    /** What was asked for: paths, `/path/*` for a subtree, regular expressions. */
    readonly targets: readonly string[],
    /** How many pages were really deleted; 0 when `publish()` or `refresh()` has replaced them. */
    readonly purged: number,
    /**
     * The pages by path, on one host or on all; `undefined` when a subtree, a pattern, a tag or everything was purged. Each
     * stands for all of its queries. This is meant for caches farther out, which may have pages that are not stored here.
     */
    readonly pages?: readonly { readonly path: string; readonly host?: string | undefined }[],
  ) {}
}

/**
 * How far `publishMany()` or `publishSitemap()` has come, after each page. A page counts once for each of its variants and hosts.
 *
 * @publicApi
 */
export interface PublishProgress {
  /** Path and query of the page that was dealt with last. */
  readonly path: string;
  readonly result: 'published' | 'purged' | 'skipped' | 'failed' | 'kept';
  /** Why it was skipped, or has failed other than by its status. */
  readonly reason?: string;
  /** What the application has answered, when it has failed. */
  readonly status?: number;
  /** How many pages have been dealt with, this one included. */
  readonly done: number;
  /** How many there are; `undefined` while nobody knows. */
  readonly total: number | undefined;
}

/**
 * A page of `publishMany()` or `publishSitemap()` has been dealt with.
 *
 * @publicApi
 */
export class PublishProgressed {
  constructor(readonly progress: PublishProgress) {}
}

/**
 * The store, a listener or a rendering has failed. Visitors get their answers all the same.
 *
 * @publicApi
 */
export class PageCacheFailed {
  constructor(
    readonly operation: 'get' | 'set' | 'purge' | 'listener' | 'render' | 'refresh-ahead',
    readonly error: unknown,
    /** Whether the module tries it again until it succeeds, as it does with a purge that the store has not acknowledged. */
    readonly isRetried = false,
  ) {}
}
