/**
 * Runs one task at a time for each key. A task that has begun may be too old for a new caller, so all callers that come meanwhile share the next
 * one.
 */
export class Turns<T> {
  readonly #running = new Map<string, Promise<T>>();
  readonly #next = new Map<string, Promise<T>>();

  take(key: string, task: () => Promise<T>): Promise<T> {
    const waiting = this.#next.get(key);
    if (waiting) return waiting;
    const running = this.#running.get(key);
    if (!running) return this.begin(key, task);
    const begin = () => {
      this.#next.delete(key);
      return this.begin(key, task);
    };
    const next = running.then(begin, begin);
    this.#next.set(key, next);
    return next;
  }

  /** As `take`, but a task that has begun will do. */
  join(key: string, task: () => Promise<T>): Promise<T> {
    return this.#running.get(key) ?? this.take(key, task);
  }

  private begin(key: string, task: () => Promise<T>): Promise<T> {
    const running = task().finally(() => {
      if (this.#running.get(key) === running) this.#running.delete(key);
    });
    this.#running.set(key, running);
    return running;
  }
}
