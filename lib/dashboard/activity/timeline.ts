/** The outcomes of a request, in the order in which the chart stacks them. */
export const KINDS = ['nginx', 'application', 'copy', 'stored', 'other'] as const;

export type Kind = (typeof KINDS)[number];

/** What happened from one moment (Unix time in milliseconds) until the next, in the order of `KINDS`. */
export interface Bucket {
  readonly time: number;
  readonly counts: readonly number[];
}

/** Counts requests by time. It keeps a fixed number of steps, and forgets older ones. */
export class Timeline {
  readonly #buckets = new Map<number, number[]>();

  /**
   * @param step the length of a step, in milliseconds
   * @param length how many steps are kept
   */
  constructor(
    readonly step: number,
    readonly length: number,
  ) {}

  add(time: number, kind: Kind): void {
    const at = Math.floor(time / this.step);
    let counts = this.#buckets.get(at);
    if (!counts) {
      counts = KINDS.map(() => 0);
      this.#buckets.set(at, counts);
      this.forget(Math.max(...this.#buckets.keys()) - this.length);
    }
    counts[KINDS.indexOf(kind)]! += 1;
  }

  /** All steps up to now, including those in which nothing happened. */
  until(now: number): Bucket[] {
    const last = Math.floor(now / this.step);
    return Array.from({ length: this.length }, (_, index) => {
      const at = last - this.length + 1 + index;
      return { time: at * this.step, counts: this.#buckets.get(at) ?? KINDS.map(() => 0) };
    });
  }

  private forget(before: number): void {
    for (const at of this.#buckets.keys()) if (at <= before) this.#buckets.delete(at);
  }
}
