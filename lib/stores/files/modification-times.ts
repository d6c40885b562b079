/** How far back a version may be dated, in seconds. */
const WINDOW = 60;

/**
 * Last-Modified dates, one for each version of a page. nginx makes the ETag of a file from its size and the second of its modification: to a
 * browser, two versions with the same size and second would be the same, and it would never see the later one. So the second version within a
 * second is dated one second back.
 */
export class ModificationTimes {
  /** The seconds given away lately, by page key. */
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
      // A second given away now may lie one window back, so it is remembered for two.
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
