import { setImmediate as nextTurn } from 'node:timers/promises';
import { inTime } from '../async/in-time.js';

/** How many items are read: of a longer list, only the first ones. */
const MAX_ITEMS = 500_000;

/** How many items are taken before the event loop turns, so that a long list does not keep visitors waiting. */
const AT_ONCE = 1000;

/** How long a list is good, in milliseconds; if reading it takes longer than a tenth of this, ten times as long as that took. */
const GOOD_FOR = 2000;

/** A list as it was a moment ago. */
export interface Taken<T> {
  readonly items: readonly T[];
  /** When it was read: Unix time in milliseconds; `undefined` if these are the items that have been read so far. */
  readonly taken: number | undefined;
  /** Why it is not complete. */
  readonly problem: string | undefined;
  /** Whether a newer list is being read. */
  readonly isReading: boolean;
}

/** A long list. It is read again when somebody needs a newer one than the last. */
export class Snapshot<T> {
  #latest: Taken<T> | undefined;
  #goodUntil = 0;
  #reading: Promise<void> | undefined;
  #soFar: readonly T[] = [];

  constructor(private readonly source: () => AsyncIterable<T>) {}

  /** From now on, the list is read anew. */
  forget(): void {
    this.#latest = undefined;
    this.#soFar = [];
    this.#goodUntil = 0;
  }

  /** @param patience how long to wait for a new list, in milliseconds; after that, the list is the last one, or what has been read so far */
  async take(patience = Infinity): Promise<Taken<T>> {
    const end = Date.now() + patience;
    // A reading that is under way may have begun before the list was to be forgotten.
    while (!this.#latest || this.#reading || Date.now() >= this.#goodUntil) {
      const reading = (this.#reading ??= this.read().finally(() => (this.#reading = undefined)));
      if (patience === Infinity) await reading;
      else if (Date.now() >= end) return this.unfinished();
      else await inTime(reading, end - Date.now());
    }
    return this.#latest;
  }

  private unfinished(): Taken<T> {
    return this.#latest
      ? { ...this.#latest, isReading: true }
      : { items: this.#soFar.slice(), taken: undefined, problem: undefined, isReading: true };
  }

  private async read(): Promise<void> {
    const start = Date.now();
    // If forget() is called during the reading, it sets this to 0: what was read is outdated then.
    this.#goodUntil = Infinity;
    const items: T[] = [];
    this.#soFar = items;
    let problem: string | undefined;
    try {
      for await (const item of this.source()) {
        const count = items.push(item);
        if (count % AT_ONCE === 0) await nextTurn();
        if (this.#goodUntil === 0) return;
        if (count < MAX_ITEMS) continue;
        problem = `There are more than ${MAX_ITEMS.toLocaleString('en')} pages. Only that many are listed.`;
        break;
      }
    } catch (error) {
      // With several servers, those that answer have been read.
      problem = error instanceof Error ? error.message : String(error);
    }
    const taken = Date.now();
    if (this.#goodUntil === 0) return;
    this.#latest = { items, taken, problem, isReading: false };
    this.#goodUntil = taken + Math.max(GOOD_FOR, 10 * (taken - start));
  }
}
