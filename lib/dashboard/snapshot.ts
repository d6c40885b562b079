/** So many are looked at: of more, only those that come first. */
const MAX_ITEMS = 500_000;

/** One is good for so long, in milliseconds, and for ten times as long as it took. */
const GOOD_FOR = 2000;

/** A list as it was a moment ago. */
export interface Taken<T> {
  readonly items: readonly T[];
  /** Unix time in milliseconds. */
  readonly taken: number;
  /** Why it is not whole. */
  readonly problem: string | undefined;
}

/** A long list, which is read again when somebody asks who cannot do with the last one. */
export class Snapshot<T> {
  #latest: Taken<T> = { items: [], taken: 0, problem: undefined };
  #goodUntil = 0;
  #reading: Promise<void> | undefined;

  constructor(private readonly source: () => AsyncIterable<T>) {}

  /** What is taken from now on is newer. */
  forget(): void {
    this.#goodUntil = 0;
  }

  async take(): Promise<Taken<T>> {
    // One that is under way may have begun before it was to be forgotten.
    while (Date.now() >= this.#goodUntil || this.#reading) {
      await (this.#reading ??= this.read().finally(() => (this.#reading = undefined)));
    }
    return this.#latest;
  }

  private async read(): Promise<void> {
    const start = Date.now();
    // What is to be forgotten meanwhile stays forgotten.
    this.#goodUntil = Infinity;
    const items: T[] = [];
    let problem: string | undefined;
    try {
      for await (const item of this.source()) {
        if (items.push(item) < MAX_ITEMS) continue;
        problem = `There are more than ${MAX_ITEMS}: these come first.`;
        break;
      }
    } catch (error) {
      // Of several servers, those that answer have been read.
      problem = error instanceof Error ? error.message : String(error);
    }
    const taken = Date.now();
    this.#latest = { items, taken, problem };
    if (this.#goodUntil > 0) this.#goodUntil = taken + Math.max(GOOD_FOR, 10 * (taken - start));
  }
}
