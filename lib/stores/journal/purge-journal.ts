import type { Claim, EditionWatch } from './edition.js';
import type { PurgeScope } from './purge-scope.js';
import type { JournalWindow } from './journal-window.js';

/**
 * The purges of all processes that write to a store. Every purge is written down before anything is deleted, and every page is checked against the
 * purges that were written down since its request came in.
 */
export interface PurgeJournal {
  /** The part of the journal that this process has seen. */
  readonly window: JournalWindow;
  /** Which edition of the site may store pages, as far as this process has seen. */
  readonly editions: EditionWatch;
  /** Whether this process has purges that the store has not acknowledged. Meanwhile nothing is stored. */
  held: boolean;
  /** Resolves when the store has acknowledged the entry. */
  append(scope: PurgeScope): Promise<void>;
  /** Resolves when the window holds every entry that was acknowledged before the call. Rejects when the store does not answer. */
  catchUp(): Promise<void>;
  /** As `catchUp`, but it also accepts a read that is already under way: the window may be a little older than the call. */
  look(): Promise<void>;
  /**
   * Changes the claim. Absent where processes know nothing of each other.
   *
   * @param change gets the current claim, and returns the new one, or `undefined` to leave it. It may be called again
   */
  claim?(change: (claim: Claim | undefined) => Claim | undefined): Promise<void>;
}
