/** Runs `together` tasks at once, and lets `waiting` more tasks wait for their turn. */
export class WorkQueue {
  #working = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly together: number,
    private readonly waiting = Infinity,
  ) {}

  /** @returns `undefined` when too many tasks wait already */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#working < this.together) this.#working += 1;
    else if (this.#waiting.length < this.waiting) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else return undefined;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#working -= 1;
    }
  }
}
