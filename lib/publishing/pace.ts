import { setTimeout as delay } from 'node:timers/promises';
import type { Visitors } from '../caching/visitors.js';

/** While visitors are here, each rendering is followed by a rest for them that is this many times as long. */
const REST = 3;
/** The longest rest after a rendering, in milliseconds. */
const LONGEST_REST = 1000;

/**
 * Starts renderings so that they do not get in the way of visitors, with whom they share the event loop. As long as nobody is here, several
 * run at once; otherwise one at a time, each followed by a rest.
 */
export class Pace {
  readonly #running = new Set<Promise<unknown>>();
  #turn: Promise<void> = Promise.resolve();
  /** Nothing begins before this time, on the clock of the process, in milliseconds. */
  #pausedUntil = 0;
  #restUntil = 0;

  constructor(
    private readonly visitors: Pick<Visitors, 'areHere'>,
    private readonly signal: AbortSignal,
  ) {}

  /** @returns `undefined` when the signal has come before the turn */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    // One after the other: each must see what has begun before.
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

  /** @param milliseconds how long nothing begins */
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
