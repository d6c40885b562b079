/** Writes one batch at a time. Items that are added meanwhile go out together in the next batch. */
export class Batches<T> {
  #items: T[] = [];
  #next: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly write: (items: readonly T[]) => Promise<void>) {}

  /** Settles as the batch that contains the item. */
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
