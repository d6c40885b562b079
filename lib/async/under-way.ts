/** Work that has begun and not ended yet. */
export class UnderWay {
  readonly #running = new Set<Promise<unknown>>();

  /** @returns the same promise */
  add<T>(work: Promise<T>): Promise<T> {
    const forget = () => void this.#running.delete(work);
    this.#running.add(work);
    work.then(forget, forget);
    return work;
  }

  /** Resolves when all that is under way now has ended, well or not. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}
