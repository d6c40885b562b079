import { dropOldest } from '../async/drop-oldest.js';

/** Of so many pages is remembered when they were rendered last. */
const MEMORY = 2000;
/** A date that lies farther in the future comes from a clock that was wrong. In seconds. */
const AHEAD = 60;

/**
 * When pages were last modified, in whole seconds. To who asks by date (`If-Modified-Since`), two versions of one second would be the
 * same, and the later one never be seen; and no date may lie in the future (RFC 9110, section 8.8.2.1). So only the first version of a second has
 * one. A version that is rendered again keeps its date.
 */
export class RenderingDates {
  /** By page key; the oldest first. */
  readonly #last = new Map<string, Rendered>();

  /**
   * @param version the same for the same content; `undefined` when it is not known
   * @param now in milliseconds since the epoch; so is the result
   * @returns `undefined` when the version has no date
   */
  of(key: string, version: string | undefined, now: number): number | undefined {
    const rendered = next(this.#last.get(key), version, Math.floor(now / 1000));
    this.#last.delete(key);
    this.#last.set(key, rendered);
    dropOldest(this.#last, MEMORY);
    return rendered.hasDate ? rendered.second * 1000 : undefined;
  }
}

interface Rendered {
  readonly version: string | undefined;
  /** The last one that a version has been dated with. */
  readonly second: number;
  /** Whether that was this version. */
  readonly hasDate: boolean;
}

function next(last: Rendered | undefined, version: string | undefined, present: number): Rendered {
  const isKnown = last !== undefined && present > last.second - AHEAD;
  if (isKnown && last.hasDate && version !== undefined && last.version === version && last.second <= present)
    return last;
  return isKnown && present <= last.second
    ? { version, second: last.second, hasDate: false }
    : { version, second: present, hasDate: true };
}
