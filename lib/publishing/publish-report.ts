/**
 * The result of publishing: each page by its path, in the given order.
 *
 * @publicApi
 */
export interface PublishReport {
  /** The pages that were rendered and stored. */
  readonly published: readonly string[];
  /** The pages that nobody can have now (404 and any other 4xx status but 408, 425 and 429; a redirect). Their stored pages were deleted. */
  readonly purged: readonly string[];
  /** The pages that were rendered, but that a listener kept out of the cache. Their stored pages were deleted. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  /**
   * The pages that could not be rendered (408, 425, 429, a 5xx status, no response in time). Their stored pages are still there. An entry without a
   * status had no response. An entry with a reason had one that could not be stored (`publishMany()` and `publishSitemap()` only).
   */
  readonly failed: readonly { readonly path: string; readonly status?: number; readonly reason?: string }[];
  /** How long it took, in milliseconds. */
  readonly duration: number;
}

/**
 * The result of `publishMany()`: each page by its path and query.
 *
 * @publicApi
 */
export interface PublishManyReport extends PublishReport {
  /** The pages that were already stored and left alone (`skipStored`). */
  readonly kept: readonly string[];
  /** Whether all pages were handled; `false` after the signal, or when the application closes. */
  readonly isComplete: boolean;
}

/**
 * The result of `publishSitemap()`.
 *
 * @publicApi
 */
export interface PublishSitemapReport extends PublishManyReport {
  /** The files that were read, by path or URL, and why a file could not be read completely. */
  readonly sitemaps: readonly { readonly location: string; readonly error?: string }[];
  /** How many addresses belong to other sites; they were not requested. */
  readonly foreign: number;
  /** How many addresses are invalid. */
  readonly invalid: number;
  /** Whether there were more addresses than `limit`, or more than 1,000 sitemaps. */
  readonly isTruncated: boolean;
}

/** What has become of one page. */
export type PageResult =
  | { readonly result: 'published' }
  | { readonly result: 'purged' }
  | { readonly result: 'kept' }
  | { readonly result: 'skipped'; readonly reason: string }
  | { readonly result: 'failed'; readonly status?: number; readonly reason?: string };

type Failure = PublishReport['failed'][number];

/** Collects results in any order, and reports them in the order of the pages. */
export class PublishResults {
  readonly #start = performance.now();
  readonly #results: (readonly [path: string, result: PageResult])[] = [];

  /** @param index the position of the page among all that are published together */
  set(index: number, path: string, result: PageResult): void {
    this.#results[index] = [path, result];
  }

  report(): PublishReport & Pick<PublishManyReport, 'kept'> {
    const paths = { published: new Set<string>(), purged: new Set<string>(), kept: new Set<string>() };
    const skipped = new Map<string, string>();
    const failed = new Map<string, Failure>();
    // `forEach` leaves out the pages that were given up.
    this.#results.forEach(([path, one]) => {
      if (one.result === 'skipped') skipped.set(path, one.reason);
      else if (one.result === 'failed') failed.set(path, failure(path, one));
      else paths[one.result].add(path);
    });
    return {
      published: [...paths.published],
      purged: [...paths.purged],
      skipped: Array.from(skipped, ([path, reason]) => ({ path, reason })),
      failed: [...failed.values()],
      kept: [...paths.kept],
      duration: performance.now() - this.#start,
    };
  }
}

function failure(path: string, { status, reason }: Omit<Failure, 'path'>): Failure {
  return { path, ...(status === undefined ? {} : { status }), ...(reason === undefined ? {} : { reason }) };
}
