/**
 * What publishing has done, by path, in the order in which the pages were given.
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
   * answer. With a reason there was one, but it could not be stored (`publishMany()` and `publishSitemap()` alone).
   */
  readonly failed: readonly { readonly path: string; readonly status?: number; readonly reason?: string }[];
  /** In milliseconds. */
  readonly duration: number;
}

/**
 * What `publishMany()` has done, by path and query.
 *
 * @publicApi
 */
export interface PublishManyReport extends PublishReport {
  /** Stored already, and left as they are (`skipStored`). */
  readonly kept: readonly string[];
  /** Whether all of the pages were dealt with; `false` after the signal, or when the application closes. */
  readonly isComplete: boolean;
}

/**
 * What `publishSitemap()` has done.
 *
 * @publicApi
 */
export interface PublishSitemapReport extends PublishManyReport {
  /** The files that were read, by path or URL, and why not all of one could be. */
  readonly sitemaps: readonly { readonly location: string; readonly error?: string }[];
  /** How many addresses belong to other sites, and were not asked for. */
  readonly foreign: number;
  /** How many addresses are none. */
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

/** Collects results in whatever order they come, and reports them in that of the pages. */
export class PublishResults {
  readonly #start = performance.now();
  readonly #results: (readonly [path: string, result: PageResult])[] = [];

  /** @param index of the page among all that are published together */
  set(index: number, path: string, result: PageResult): void {
    this.#results[index] = [path, result];
  }

  report(): PublishReport & Pick<PublishManyReport, 'kept'> {
    const paths = { published: new Set<string>(), purged: new Set<string>(), kept: new Set<string>() };
    const skipped = new Map<string, string>();
    const failed = new Map<string, Failure>();
    // `forEach` leaves out those that were given up.
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
