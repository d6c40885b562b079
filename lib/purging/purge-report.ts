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

  /** @param pending what is not known to be purged: paths, `/path/*` for a subtree, regular expressions */
  constructor(
    readonly pending: readonly string[],
    cause: unknown,
  ) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `Not purged: ${pending.slice(0, 10).join(', ')}${pending.length > 10 ? ', …' : ''} (${why}). Purge again when the store is back.`,
      { cause },
    );
  }
}
