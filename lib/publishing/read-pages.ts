import { dropOldest } from '../async/drop-oldest.js';
import type { PageUse } from '../stores/page-store.js';

/** So many pages are remembered: those that were read last. And so many that were stored and not read. */
const MEMORY = 20_000;

/** Which pages visitors read, beyond one life of a page: stores forget it whenever a page is stored again. */
export class ReadPages {
  /** By page key: when it was last found to be read, on the clock of the process in milliseconds. The oldest come first. */
  readonly #read = new Map<string, number>();
  /** Pages that nobody has read since they were stored, by page key: when they end, Unix time in milliseconds. The oldest come first. */
  readonly #unread = new Map<string, number>();

  /** @param inactive so long a page counts as read that nobody reads any more, in milliseconds */
  constructor(private readonly inactive: number) {}

  /** Whether the page is to be kept. */
  isRead(page: PageUse): boolean {
    const { key } = page;
    const now = performance.now();
    if (page.isRead || this.isStoredAgain(page)) {
      this.#unread.delete(key);
      keepNewest(this.#read, key, now);
      return true;
    }
    const last = this.#read.get(key);
    if (last !== undefined && now - last <= this.inactive) return true;
    this.#read.delete(key);
    keepNewest(this.#unread, key, page.expires);
    return false;
  }

  /** Whether somebody has asked for a page again that had ended unread, and was not rendered ahead. */
  private isStoredAgain({ key, expires }: PageUse): boolean {
    const before = this.#unread.get(key);
    return before !== undefined && expires > before && expires - before <= this.inactive;
  }
}

function keepNewest(pages: Map<string, number>, key: string, time: number): void {
  pages.delete(key);
  pages.set(key, time);
  dropOldest(pages, MEMORY);
}
