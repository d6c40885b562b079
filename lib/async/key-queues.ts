/** One thing after the other for each key; keys that nobody works on take no room. */
export class KeyQueues {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const result = before ? before.then(work, work) : work();
    const settled = result.then(
      () => {},
      () => {},
    );
    this.#last.set(key, settled);
    await settled;
    if (this.#last.get(key) === settled) this.#last.delete(key);
    return result;
  }
}
