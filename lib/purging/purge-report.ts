/**
 * What a purge has done.
 *
 * @publicApi
 */
export interface PurgeReport {
  /** Pages that were really deleted. */
  readonly purged: number;
  /** What was asked for: paths, `/path/*` for a subtree, regular expressions. */
  readonly targets: readonly string[];
  /** In milliseconds. */
  readonly duration: number;
}

/**
 * A purge that not every server has acknowledged: pages may still be served.
 *
 * @publicApi
 */
export class PurgeIncompleteError extends Error {
  override readonly name = 'PurgeIncompleteError';

  /**
   * @param pending what is not known to be purged: paths, `/path/*` for a subtree, regular expressions, `tag:name`
   * @param isRetried whether it is tried again until the store has it; not when the store can never do it, and not when it was given up
   * @param servers those that have not acknowledged it, by their addresses; what others have acknowledged is done. Empty when the store has
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
    const retried = `It is tried again until ${servers.join(', ') || 'the store'} has it; until then, nothing new is stored there.`;
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
