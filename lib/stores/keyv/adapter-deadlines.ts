import { inTime } from '../../async/in-time.js';

/** How long an adapter with open operations may answer nothing at all, in milliseconds. */
const SILENCE = 1000;
/** How long a single operation may take while others are answered, in milliseconds. */
const LONGEST = 10_000;
/** How often a silent adapter gets an operation, in milliseconds. */
const RETRY = 5000;

const LATE = 'the adapter has not answered in time';

/**
 * Gives the operations of an adapter a deadline. Adapters have none of their own: @keyv/redis keeps every operation until its server is back.
 *
 * A silent adapter gets next to nothing more, because it would keep that, too, with all its pages. One operation now and then finds out whether it
 * answers again; most adapters also answer what they have kept.
 */
export class AdapterDeadlines {
  /** When the adapter last answered. */
  #heard = -Infinity;
  #isSilent = false;
  /** When a silent adapter gets its next operation. */
  #next = 0;

  /** @throws Error while the adapter does not answer */
  check(): void {
    if (this.#isSilent) throw new Error(LATE);
  }

  /** @throws Error when the adapter does not answer */
  async answer<T>(run: () => T | Promise<T>): Promise<T> {
    const start = performance.now();
    if (start < this.#next) this.check();
    this.#next = start + RETRY;
    const answered = this.noted(run);
    for (let left = SILENCE; left > 0; left = this.left(start)) {
      const answer = await inTime(answered, left);
      if (answer) return answer.value;
    }
    // An operation that is lost says nothing of the others.
    if (this.#heard < start) this.#isSilent = true;
    throw new Error(LATE);
  }

  /**
   * Each entry of a list, however long the adapter looks for one: among many keys of others, @keyv/redis asks its server thousands of times.
   *
   * @param probe a quick operation, which shows whether the adapter still answers
   * @throws Error when the adapter does not answer
   */
  async *each<T>(entries: AsyncIterator<T>, probe: () => Promise<unknown>): AsyncGenerator<T, void, undefined> {
    await this.answer(probe);
    try {
      for (;;) {
        const next = this.noted(() => entries.next());
        let entry = await inTime(next, SILENCE);
        for (; !entry; entry = await inTime(next, SILENCE)) await this.answer(probe);
        if (entry.value.done) return;
        yield entry.value.value;
      }
    } finally {
      // It may still be looking.
      void Promise.resolve(entries.return?.()).catch(() => undefined);
    }
  }

  /** How long an operation may still take: it may stand behind many others. */
  private left(start: number): number {
    return Math.min(this.#heard + SILENCE, start + LONGEST) - performance.now();
  }

  private async noted<T>(run: () => T | Promise<T>): Promise<{ readonly value: T }> {
    try {
      const value = await run();
      this.#isSilent = false;
      return { value };
    } finally {
      this.#heard = performance.now();
    }
  }
}
