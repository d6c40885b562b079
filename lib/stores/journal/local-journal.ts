import { EditionWatch } from './edition.js';
import type { PurgeScope } from './purge-scope.js';
import { JournalWindow } from './journal-window.js';
import type { PurgeJournal } from './purge-journal.js';

/** The journal of a store that shares none with other processes. It knows only the purges of this process. */
export class LocalJournal implements PurgeJournal {
  readonly window = new JournalWindow();
  readonly editions = new EditionWatch();
  held = false;

  async append(scope: PurgeScope): Promise<void> {
    // The order of this process's own purges is known, so the clock does not matter.
    this.window.add({ time: Infinity, written: Date.now(), scope });
  }

  async catchUp(): Promise<void> {}

  async look(): Promise<void> {}
}
