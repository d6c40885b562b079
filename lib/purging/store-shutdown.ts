import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { inTime } from '../async/in-time.js';
import { PageStorage } from '../stores/page-storage.js';
import { BackgroundPurge } from './background-purge.js';
import { PendingPurges } from './pending-purges.js';
import { Purger } from './purger.js';

/** How long the end of the application waits for purges that are under way, in milliseconds: as long as a server may take to answer. */
const PATIENCE = 1000;

/**
 * Closes the store after the server. Nest calls `onApplicationShutdown` when every request has been answered, so a request that was under way can
 * still purge what it has changed.
 */
@Injectable()
export class StoreShutdown implements OnApplicationShutdown {
  constructor(
    @Inject(BackgroundPurge) private readonly background: BackgroundPurge,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(PendingPurges) private readonly pending: PendingPurges,
    @Inject(PageStorage) private readonly storage: PageStorage,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await inTime(this.purged(), PATIENCE);
    this.pending.close();
    await this.storage.close();
  }

  /** What runs in the background may still be finding out what to purge. */
  private async purged(): Promise<void> {
    await this.background.settled();
    await this.purger.settled();
  }
}
