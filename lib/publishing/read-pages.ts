import { dropOldest } from '../async/drop-oldest.js';
import type { PageUse } from '../stores/page-store.js';

/** So many pages are remembered: those that were read last. */
const MEMORY = 20_000;

/** Which pages visitors read, beyond one life of a page: stores forget it whenever a page is stored again. */
export class ReadPages {
  /** By page key: when it was last found to be read, on the clock of the process in milliseconds. The oldest come first. */
  readonly #read = new Map<string, number>();

  /** @param inactive so long a page counts as read that nobody reads any more, in milliseconds */
  constructor(private readonly inactive: number) {}

  /** Whether the page is to be kept. */
  isRead({ key, isRead }: PageUse): boolean {
    const now = performance.now();
    if (isRead) {
      this.#read.delete(key);
      this.#read.set(key, now);
      dropOldest(this.#read, MEMORY);
      return true;
    }
    const last = this.#read.get(key);
    if (last === undefined) return false;
    if (now - last <= this.inactive) return true;
    this.#read.delete(key);
    return false;
  }
}
