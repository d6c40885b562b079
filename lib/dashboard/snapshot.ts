/** How many items are read: of a longer list, only the first ones. */
const MAX_ITEMS = 500_000;

/** How long a list is good, in milliseconds; if reading it takes longer than a tenth of this, ten times as long as that took. */
const GOOD_FOR = 2000;

/** A list as it was a moment ago. */
export interface Taken<T> {
  readonly items: readonly T[];
  /** Unix time in milliseconds. */
  readonly taken: number;
  /** Why it is not complete. */
  readonly problem: string | undefined;
}

/** A long list. It is read again when somebody needs a newer one than the last. */
export class Snapshot<T> {
  #latest: Taken<T> = { items: [], taken: 0, problem: undefined };
  #goodUntil = 0;
  #reading: Promise<void> | undefined;

  constructor(private readonly source: () => AsyncIterable<T>) {}

  /** From now on, the list is read anew. */
  forget(): void {
    this.#goodUntil = 0;
  }

  async take(): Promise<Taken<T>> {
    // A reading that is under way may have begun before the list was to be forgotten.
    while (Date.now() >= this.#goodUntil || this.#reading) {
      await (this.#reading ??= this.read().finally(() => (this.#reading = undefined)));
    }
    return this.#latest;
  }

  private async read(): Promise<void> {
    const start = Date.now();
    // If forget() is called during the reading, it sets this to 0: then what was read is already outdated.
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
      // With several servers, those that answer have been read.
      problem = error instanceof Error ? error.message : String(error);
    }
    const taken = Date.now();
    this.#latest = { items, taken, problem };
    if (this.#goodUntil > 0) this.#goodUntil = taken + Math.max(GOOD_FOR, 10 * (taken - start));
  }
}
