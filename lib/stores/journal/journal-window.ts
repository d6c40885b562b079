import { type PurgeScope, sizeOf } from './purge-scope.js';

/** One purge, by any process. */
export interface JournalEntry {
  /**
   * When it was written down, by the clock of its process: Unix time in milliseconds. `Infinity` when that is not known, and for the purges of this
   * process, whose order is known.
   */
  readonly time: number;
  /** When this process wrote down a purge of its own: Unix time in milliseconds, for people to read. Absent for all others. */
  readonly written?: number;
  readonly scope: PurgeScope;
}

/** How many paths, tags and rules the window holds. Older entries are dropped. */
export const JOURNAL_CAPACITY = 20_000;

/** How many stay when entries are dropped, so that not every further entry moves all the others. */
const KEPT = 18_000;

/**
 * The part of the purge journal that this process has seen: the latest entries, without a gap.
 *
 * A position is the number of entries before it. Once an entry after it has been dropped, a position proves nothing.
 */
export class JournalWindow {
  #entries: JournalEntry[] = [];
  #dropped = 0;
  #size = 0;

  /** The position behind the last entry. */
  get position(): number {
    return this.#dropped + this.#entries.length;
  }

  /** All known entries, the latest last. */
  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  add(entry: JournalEntry): void {
    this.#entries.push(entry);
    this.#size += sizeOf(entry.scope);
    if (this.#size <= JOURNAL_CAPACITY) return;
    let dropped = 0;
    while (this.#size > KEPT && dropped < this.#entries.length - 1) {
      this.#size -= sizeOf(this.#entries[dropped]!.scope);
      dropped += 1;
    }
    this.drop(dropped);
  }

  /** Must be called when entries may be missing: no position up to now proves anything then. */
  forget(): void {
    this.drop(this.#entries.length);
    this.#dropped += 1;
    this.#size = 0;
  }

  /** @returns the entries since a position, or `undefined` when they are not all known */
  since(position: number): readonly JournalEntry[] | undefined {
    return position < this.#dropped ? undefined : this.#entries.slice(position - this.#dropped);
  }

  private drop(count: number): void {
    if (count === 0) return;
    this.#entries = this.#entries.slice(count);
    this.#dropped += count;
  }
}
