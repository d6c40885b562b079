import { dropOldest } from '../async/drop-oldest.js';

/** For how many pages the last rendering is remembered. */
const MEMORY = 2000;
/** A date farther in the future than this comes from a clock that was wrong. In seconds. */
const AHEAD = 60;

/**
 * When pages were last modified, in whole seconds. To a client that asks by date (`If-Modified-Since`), two versions of one second would be
 * the same, and the client would never see the later one. And no date may lie in the future (RFC 9110, section 8.8.2.1). So only the first
 * version of a second has a date. A version that is rendered again keeps its date.
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
  /** The last second that a version was dated with. */
  readonly second: number;
  /** Whether this version has that date. */
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
