import { dropOldest } from '../async/drop-oldest.js';
import type { PageUse } from '../stores/page-store.js';

/** So many pages are remembered: those that were read last. And so many that were stored and not read. */
const MEMORY = 20_000;

interface ReadPage {
  /** When it was last found to be read, on the clock of the process in milliseconds. */
  readonly read: number;
  /** When it ends: Unix time in milliseconds. */
  readonly expires: number;
}

/** Which pages visitors read, beyond one life of a page: stores forget it whenever a page is stored again. */
export class ReadPages {
  /** By page key; those that were read last come last. */
  readonly #read = new Map<string, ReadPage>();
  /** Pages that nobody has read since they were stored, by page key: when they end, Unix time in milliseconds. The oldest come first. */
  readonly #unread = new Map<string, number>();

  /** @param inactive so long a page counts as read that nobody reads any more, in milliseconds */
  constructor(private readonly inactive: number) {}

  /** Whether the page is to be kept. */
  isRead(page: PageUse): boolean {
    const { key, expires } = page;
    const now = performance.now();
    if (page.isRead || this.isStoredAgain(page)) {
      this.#unread.delete(key);
      keepNewest(this.#read, key, { read: now, expires });
      return true;
    }
    const last = this.#read.get(key);
    if (last !== undefined && now - last.read <= this.inactive) return true;
    this.#read.delete(key);
    this.forgetOld();
    keepNewest(this.#unread, key, expires);
    return false;
  }

  /** Who asks for a page so long after its end is a new visitor. */
  private forgetOld(): void {
    for (const [key, expires] of this.#unread) {
      if (expires + this.inactive >= Date.now()) break;
      this.#unread.delete(key);
    }
  }

  /** A page has another life. @param expires Unix time in milliseconds; `Infinity` when it has no end */
  isStored(key: string, expires: number): void {
    const page = this.#read.get(key);
    // It keeps its place.
    if (page) this.#read.set(key, { ...page, expires });
  }

  /** The keys of the pages that were to be kept and have not ended, unless they were purged: those that were read last come first. */
  latest(): string[] {
    const now = Date.now();
    return Array.from(this.#read)
      .filter(([, { expires }]) => expires > now)
      .map(([key]) => key)
      .toReversed();
  }

  /** Whether somebody has asked for a page again that had ended unread, and was not rendered ahead. */
  private isStoredAgain({ key, expires }: PageUse): boolean {
    const before = this.#unread.get(key);
    return before !== undefined && expires > before && expires - before <= this.inactive;
  }
}

function keepNewest<T>(pages: Map<string, T>, key: string, value: T): void {
  pages.delete(key);
  pages.set(key, value);
  dropOldest(pages, MEMORY);
}
