/** In seconds. */
const WINDOW = 60;

/**
 * Last-Modified dates, one for each version of a page. nginx makes the ETag of a file from its size and the second in which
 * it was modified: two versions of one second and one size would be the same to a browser, and the later one never seen.
 * So the second version within a second is dated one second back.
 */
export class ModificationTimes {
  /** By key, the seconds given away lately. */
  #recent = new Map<string, number[]>();
  #before = new Map<string, number[]>();
  #turnAt = 0;

  /**
   * @param now Unix time in seconds
   * @param present the dates of versions that are replaced
   * @returns a second up to now that no version of the last minute has
   */
  next(key: string, now: number, present: readonly (number | undefined)[]): number {
    if (now >= this.#turnAt) {
      // A second given away now may be up to one window back, so it matters for two.
      this.#before = now >= this.#turnAt + 2 * WINDOW ? new Map() : this.#recent;
      this.#recent = new Map();
      this.#turnAt = now + 2 * WINDOW;
    }
    const recent = this.#recent.get(key) ?? [];
    const taken = new Set([...recent, ...(this.#before.get(key) ?? []), ...present]);
    let second = now;
    while (taken.has(second) && second > now - WINDOW) second -= 1;
    this.#recent.set(key, [...recent.slice(-2 * WINDOW), second]);
    return second;
  }
}
