import { isWord } from '../reasons/reasons.js';

/** So many reasons of listeners, and of families such as `reads-…`, have time series of their own in each process. */
const MAX_OTHERS = 100;

/** OpenTelemetry's name for all values beyond those that are listed. */
const OTHER = '_OTHER';

/** The reasons as attributes: a listener that puts values into its reasons must not make time series without end. */
export class BoundedReasons {
  readonly #others = new Set<string>();

  of(reason: string): string {
    if (isWord(reason) || this.#others.has(reason)) return reason;
    if (this.#others.size >= MAX_OTHERS) return OTHER;
    this.#others.add(reason);
    return reason;
  }
}
