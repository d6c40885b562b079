import type { Claim, EditionWatch } from './edition.js';
import type { PurgeScope } from './purge-scope.js';
import type { JournalWindow } from './journal-window.js';

/**
 * The purges of all processes that write to a store. Every purge is written down before anything is deleted, and every page is checked
 * against what was written down since its request came in.
 */
export interface PurgeJournal {
  /** What this process has seen of it. */
  readonly window: JournalWindow;
  /** Which edition of the site may store pages, as far as this process has seen. */
  readonly editions: EditionWatch;
  /** Whether this process has purges that the store has not acknowledged: nothing is stored meanwhile. */
  held: boolean;
  /** Resolves when the store has acknowledged the entry. */
  append(scope: PurgeScope): Promise<void>;
  /** Resolves when the window holds everything that had been acknowledged before the call. Rejects when the store does not answer. */
  catchUp(): Promise<void>;
  /** As `catchUp`, but a read that is under way is enough: the window may be a little older than the call. */
  look(): Promise<void>;
  /**
   * Changes the claim. Absent where processes know nothing of each other.
   *
   * @param change is given the claim as it is, and gives the new one; `undefined` leaves it. It may be asked again
   */
  claim?(change: (claim: Claim | undefined) => Claim | undefined): Promise<void>;
}
