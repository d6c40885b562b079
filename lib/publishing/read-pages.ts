import { dropOldest } from '../async/drop-oldest.js';
import type { PageUse } from '../stores/page-store.js';

/** How many pages are remembered: those that were read last. As many again that were stored and not read. */
const MEMORY = 20_000;

interface ReadPage {
  /** When it was last found to have been read, on the clock of the process, in milliseconds. */
  readonly read: number;
  /** When it ends: Unix time in milliseconds. */
  readonly expires: number;
}

/** Which pages visitors read, beyond one life of a page: a store forgets that whenever the page is stored again. */
export class ReadPages {
  /** By page key; those that were read last come last. */
  readonly #read = new Map<string, ReadPage>();
  /** Pages that nobody has read since they were stored, by page key: when they end, Unix time in milliseconds. The oldest come first. */
  readonly #unread = new Map<string, number>();

  /** @param inactive how long a page still counts as read after its last visitor, in milliseconds */
  constructor(private readonly inactive: number) {}

  /** Whether the page is to be kept. */
  isRead(page: PageUse): boolean {
    const { key, expires } = page;
    if (page.isRead || this.isStoredAgain(page)) {
      this.found(key, expires);
      return true;
    }
    const last = this.#read.get(key);
    if (last !== undefined && performance.now() - last.read <= this.inactive) return true;
    this.#read.delete(key);
    this.forgetOld();
    keepNewest(this.#unread, key, expires);
    return false;
  }

  /** A visitor has read the page. */
  private found(key: string, expires: number): void {
    this.#unread.delete(key);
    keepNewest(this.#read, key, { read: performance.now(), expires });
  }

  /** A visitor who asks for a page this long after its end counts as a new one. */
  private forgetOld(): void {
    for (const [key, expires] of this.#unread) {
      if (expires + this.inactive >= Date.now()) break;
      this.#unread.delete(key);
    }
  }

  /**
   * The page is stored again.
   *
   * @param expires Unix time in milliseconds; `Infinity` when it has no end
   * @param wasRead whether a visitor had read the page that it replaces
   */
  isStored(key: string, expires: number, wasRead = false): void {
    if (wasRead) return this.found(key, expires);
    const page = this.#read.get(key);
    // The page keeps its place in the order.
    if (page) this.#read.set(key, { ...page, expires });
  }

  /** The keys of the pages to be kept whose time is not over, even if they were purged. Those that were read last come first. */
  latest(): string[] {
    const now = Date.now();
    return Array.from(this.#read)
      .filter(([, { expires }]) => expires > now)
      .map(([key]) => key)
      .toReversed();
  }

  /** Whether a page that had ended unread, and was not rendered ahead, was asked for again. */
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
