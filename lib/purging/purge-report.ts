/**
 * The result of a purge.
 *
 * @publicApi
 */
export interface PurgeReport {
  /** How many pages were deleted. */
  readonly purged: number;
  /** The targets of the purge: paths, `/path/*` for a subtree, regular expressions. */
  readonly targets: readonly string[];
  /** How long it took, in milliseconds. */
  readonly duration: number;
}

/**
 * At least one server has not acknowledged a purge. It may still serve the old pages.
 *
 * @example
 * if (error instanceof PurgeIncompleteError) response.status(202).send('Saved. Some pages will show it later.');
 *
 * @publicApi
 */
export class PurgeIncompleteError extends Error {
  override readonly name = 'PurgeIncompleteError';

  /**
   * @param pending the targets that may not be purged yet: paths, `/path/*` for a subtree, regular expressions, `tag:name`
   * @param isRetried whether the module retries the purge until the store acknowledges it; `false` if the store can never do it, and if the
   *   module has given up
   * @param servers the addresses of the servers that have not acknowledged it; the purge is complete on all others. Empty if the store has
   *   no servers
   */
  constructor(
    readonly pending: readonly string[],
    cause: unknown,
    readonly isRetried = true,
    readonly servers: readonly string[] = [],
  ) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what = `${pending.slice(0, 10).join(', ')}${pending.length > 10 ? ', …' : ''} (${why})`;
    const retried = `It is repeated until ${servers.join(', ') || 'the store'} acknowledges it, and nothing new is stored there before.`;
    super(isRetried ? `Not purged yet: ${what}. ${retried}` : `Not purged: ${what}. It is not tried again.`, { cause });
  }
}

/**
 * One report of several purges.
 *
 * @throws {PurgeIncompleteError} when one of them is incomplete
 */
export function together(results: readonly PromiseSettledResult<PurgeReport>[]): PurgeReport {
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : oneError(errors);
  const reports = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return {
    purged: reports.reduce((sum, { purged }) => sum + purged, 0),
    targets: [...new Set(reports.flatMap(({ targets }) => targets))],
    duration: Math.max(0, ...reports.map(({ duration }) => duration)),
  };
}

function oneError(errors: readonly unknown[]): unknown {
  const incomplete = errors.filter((error) => error instanceof PurgeIncompleteError);
  const [first] = incomplete;
  if (!first || incomplete.length < errors.length) return errors[0];
  const pending = [...new Set(incomplete.flatMap((error) => error.pending))];
  return new PurgeIncompleteError(
    pending,
    first.cause,
    incomplete.every(({ isRetried }) => isRetried),
    [...new Set(incomplete.flatMap(({ servers }) => servers))],
  );
}
