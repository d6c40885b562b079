import { setTimeout as delay } from 'node:timers/promises';
import type { Visitors } from '../caching/visitors.js';

/** While visitors are here, so much of the time is theirs for each part that rendering takes. */
const REST = 3;
/** The longest rest after a rendering, in milliseconds. */
const LONGEST_REST = 1000;

/**
 * Lets renderings begin so that they do not stand in the way of visitors, with whom they share the event loop: several at once as long as
 * nobody is here, else one at a time, and each followed by a rest.
 */
export class Pace {
  readonly #running = new Set<Promise<unknown>>();
  #turn: Promise<void> = Promise.resolve();
  /** Nothing begins before, on the clock of the process, in milliseconds. */
  #pausedUntil = 0;
  #restUntil = 0;

  constructor(
    private readonly visitors: Pick<Visitors, 'areHere'>,
    private readonly signal: AbortSignal,
  ) {}

  /** @returns `undefined` when the signal has come before the turn */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    // One after the other: each is to see what has begun before.
    const turn = this.#turn.then(() => this.turn());
    this.#turn = turn.catch(() => undefined);
    await turn;
    if (this.signal.aborted) return undefined;
    const start = performance.now();
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
      const end = performance.now();
      this.#restUntil = end + Math.min((end - start) * REST, LONGEST_REST);
    }
  }

  /** @param milliseconds for which nothing begins */
  pause(milliseconds: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + milliseconds);
  }

  private async turn(): Promise<void> {
    while (!this.signal.aborted) {
      const { areHere } = this.visitors;
      if (areHere && this.#running.size > 0) {
        await Promise.allSettled([Promise.race(this.#running)]);
        continue;
      }
      const left = Math.max(this.#pausedUntil, areHere ? this.#restUntil : 0) - performance.now();
      if (left <= 0) return;
      await delay(left, undefined, { signal: this.signal }).catch(() => undefined);
    }
  }
}
