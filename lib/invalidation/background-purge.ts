import type { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed } from '../events/page-cache.events.js';
import { PurgeIncompleteError } from './purge-report.js';

/** Nobody waits longer for a purge that was not asked for by name, in milliseconds. */
const DEADLINE = 45;

/** Purges on behalf of something that has succeeded and must not fail any more: a request, a transaction. */
export class BackgroundPurge {
  constructor(private readonly dispatcher: PageCacheDispatcher) {}

  /** Waits for purges, but not for ever; they go on. Never rejects: failures are reported. */
  async run(...purges: (() => Promise<unknown>)[]): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DEADLINE);
    });
    await Promise.race([Promise.all(purges.map((purge) => this.attempt(purge))), deadline]);
    clearTimeout(timer);
  }

  report(error: unknown): void {
    // The purger has reported this one itself.
    if (!(error instanceof PurgeIncompleteError)) this.dispatcher.notify(new PageCacheFailed('purge', error));
  }

  private async attempt(purge: () => Promise<unknown>): Promise<void> {
    try {
      await purge();
    } catch (error) {
      this.report(error);
    }
  }
}
