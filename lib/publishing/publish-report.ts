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

/** What has become of one page. */
export type PageResult =
  | { readonly result: 'published' }
  | { readonly result: 'purged' }
  | { readonly result: 'skipped'; readonly reason: string }
  | { readonly result: 'failed'; readonly status?: number };

/** Collects results in whatever order they come, and reports them in that of the pages. */
export class PublishResults {
  readonly #start = performance.now();
  readonly #results: (readonly [path: string, result: PageResult])[] = [];

  /** @param index of the page among all that are published together */
  set(index: number, path: string, result: PageResult): void {
    this.#results[index] = [path, result];
  }

  report(): PublishReport {
    const published = new Set<string>();
    const purged = new Set<string>();
    const skipped = new Map<string, string>();
    const failed = new Map<string, { readonly path: string; readonly status?: number }>();
    // `forEach` leaves out those that were given up.
    this.#results.forEach(([path, one]) => {
      if (one.result === 'published') published.add(path);
      else if (one.result === 'purged') purged.add(path);
      else if (one.result === 'skipped') skipped.set(path, one.reason);
      else failed.set(path, one.status === undefined ? { path } : { path, status: one.status });
    });
    return {
      published: [...published],
      purged: [...purged],
      skipped: Array.from(skipped, ([path, reason]) => ({ path, reason })),
      failed: [...failed.values()],
      duration: performance.now() - this.#start,
    };
  }
}
