import type { PageAddress } from './page-key.js';
import type { StaleTimes } from './stale-times.js';

/**
 * A page that is being rendered. Handlers and listeners can change it.
 *
 * @publicApi
 */
export class PageDraft {
  /**
   * How long a copy of the page may be sent after it has expired; `undefined` for no copy. `StaleListener` sets it when the header of the
   * response is known. A `PageRendered` listener may still change it.
   */
  stale: StaleTimes | undefined;

  readonly #tags = new Set<string>();
  #skipped: string | undefined;
  #ownTtl: number | undefined;

  /**
   * @param address where the page will be stored
   * @param defaultTtl how long it is served unless somebody says otherwise, in milliseconds; 0 = until purged
   */
  constructor(
    readonly address: Readonly<PageAddress>,
    private readonly defaultTtl: number,
  ) {}

  /** How long the page is served, in milliseconds; 0 = until purged. */
  get ttl(): number {
    return this.#ownTtl ?? this.defaultTtl;
  }

  set ttl(milliseconds: number) {
    this.#ownTtl = milliseconds;
  }

  /** Whether the handler or a listener has set `ttl`. */
  get hasOwnTtl(): boolean {
    return this.#ownTtl !== undefined;
  }

  /** The labels of the page. */
  get tags(): ReadonlySet<string> {
    return this.#tags;
  }

  /** Why the page will not be stored; `undefined` if it will. */
  get skipped(): string | undefined {
    return this.#skipped;
  }

  /**
   * Adds tags to the page.
   *
   * @param tags labels by which the page can be purged
   * @example
   * page.tag('post:1', 'author:7');
   */
  tag(...tags: string[]): void {
    for (const tag of tags) this.#tags.add(tag);
  }

  /**
   * Keeps the page out of the cache. If it is called several times, the first reason is reported.
   *
   * @param reason reported as `detail` of the `Cache-Status` field (RFC 9211)
   */
  skip(reason: string): void {
    this.#skipped ??= reason;
  }
}
