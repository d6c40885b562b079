import type { HeaderField } from '../http/fields.js';

/** How many names are remembered: an application may make them from what its visitors send. */
const MAX_NAMES = 100;

/** Learns which header fields come with every page, and with the same value. */
export class CommonFields {
  /** By lower-case name; `undefined` for a field that is not common. */
  readonly #fields = new Map<string, HeaderField | undefined>();
  #hasLearnt = false;

  /** @param fields the fields of one page */
  learn(fields: readonly HeaderField[]): void {
    const seen = new Map<string, HeaderField | undefined>();
    for (const field of fields) {
      const name = field[0].toLowerCase();
      // Of two fields with the same name, nginx could send only one.
      seen.set(name, seen.has(name) ? undefined : field);
    }
    for (const [name, field] of this.#fields) {
      if (field && seen.get(name)?.[1] !== field[1]) this.#fields.set(name, undefined);
    }
    for (const [name, field] of seen) {
      if (this.#fields.has(name) || this.#fields.size >= MAX_NAMES) continue;
      this.#fields.set(name, this.#hasLearnt ? undefined : field);
    }
    this.#hasLearnt = true;
  }

  /**
   * The field as every page so far has had it.
   *
   * @param name in lower case
   */
  get(name: string): HeaderField | undefined {
    return this.#fields.get(name);
  }
}
