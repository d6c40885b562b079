/** Of so many pages is remembered when they were rendered last. */
const MEMORY = 2000;
/** A date that lies farther in the future comes from a clock that was wrong. In seconds. */
const AHEAD = 60;

/**
 * When pages were last modified, in whole seconds. To who asks by date (`If-Modified-Since`), two versions of one second would be the
 * same, and the later one never be seen: so that one is dated a second later. A version that is rendered again keeps its date.
 */
export class RenderingDates {
  /** By page key; the oldest first. */
  readonly #last = new Map<string, { readonly version: string | undefined; readonly second: number }>();

  /**
   * @param version the same for the same content; `undefined` when it is not known
   * @param now in milliseconds since the epoch; so is the result
   */
  of(key: string, version: string | undefined, now: number): number {
    const present = Math.floor(now / 1000);
    const last = this.#last.get(key);
    const isSame = last !== undefined && version !== undefined && last.version === version;
    const second = isSame ? last.second : after(last?.second ?? 0, present);
    this.#last.delete(key);
    this.#last.set(key, { version, second });
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= MEMORY) break;
      this.#last.delete(oldest);
    }
    return second * 1000;
  }
}

function after(last: number, present: number): number {
  return last >= present && last < present + AHEAD ? last + 1 : present;
}
