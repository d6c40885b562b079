import type { PurgeScope } from './purge-scope.js';
import type { JournalWindow } from './journal-window.js';

/**
 * The purges of all processes that write to a store. Every purge is written down before anything is deleted, and every page is checked
 * against what was written down since its request came in.
 */
export interface PurgeJournal {
  /** What this process has seen of it. */
  readonly window: JournalWindow;
  /** Whether this process has purges that the store has not acknowledged: nothing is stored meanwhile. */
  held: boolean;
  /** Resolves when the store has acknowledged the entry. */
  append(scope: PurgeScope): Promise<void>;
  /** Resolves when the window holds everything that had been acknowledged before the call. Rejects when the store does not answer. */
  catchUp(): Promise<void>;
  /** As `catchUp`, but a read that is under way is enough: the window may be a little older than the call. */
  look(): Promise<void>;
}
