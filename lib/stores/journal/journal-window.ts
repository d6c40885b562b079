import { type PurgeScope, sizeOf } from './purge-scope.js';

/** One purge, by any process. */
export interface JournalEntry {
  /** When it was written down, by the clock of its process: Unix time in milliseconds. `Infinity` when that is not known. */
  readonly time: number;
  readonly scope: PurgeScope;
}

/** The window holds so many paths, tags and rules; older entries go. */
export const JOURNAL_CAPACITY = 20_000;

/** So many stay then: not every further entry moves all the others. */
const KEPT = 18_000;

/**
 * What this process has seen of the purge journal: the latest entries, without a gap.
 *
 * A position is the number of entries before it. A position whose entries are no longer all there proves nothing.
 */
export class JournalWindow {
  #entries: JournalEntry[] = [];
  #dropped = 0;
  #size = 0;

  /** The position behind the last entry. */
  get position(): number {
    return this.#dropped + this.#entries.length;
  }

  /** All that are known, the latest last. */
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

  /** Entries may be missing: no position up to now proves anything. */
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
