/** Writes one batch at a time: what comes meanwhile goes out together afterwards. */
export class Batches<T> {
  #items: T[] = [];
  #next: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly write: (items: readonly T[]) => Promise<void>) {}

  /** Settles as the batch does in which the item is written. */
  add(item: T): Promise<void> {
    this.#items.push(item);
    this.#next ??= this.#last.then(() => {
      const items = this.#items;
      this.#items = [];
      this.#next = undefined;
      const written = this.write(items);
      this.#last = written.catch(() => undefined);
      return written;
    });
    return this.#next;
  }
}
