import { Inject, Injectable } from '@nestjs/common';
import { UnderWay } from '../async/under-way.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed } from '../events/outcomes.events.js';
import { waitForPurge } from './wait-for-purge.js';
import { PurgeIncompleteError } from './purge-report.js';

/** Purges on behalf of something that has already succeeded and must not fail: a request, a transaction. */
@Injectable()
export class BackgroundPurge {
  /** A purge that took longer than anybody waited for it, and still goes on. */
  #late: Promise<unknown> | undefined;
  readonly #running = new UnderWay();

  constructor(@Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher) {}

  /**
   * Waits for purges, but not for ever. The purges go on. Never rejects: failures are reported.
   *
   * @param request on whose behalf the purges run; if that is not known, nobody waits while an earlier purge is late
   */
  async run(
    request: { readonly method?: string | undefined } | undefined,
    ...purges: (() => Promise<unknown>)[]
  ): Promise<void> {
    const all = this.#running.add(Promise.all(purges.map((purge) => this.attempt(purge))));
    if (request) return void (await waitForPurge(all, request));
    if (this.#late || (await waitForPurge(all, {}))) return;
    this.#late = all.finally(() => (this.#late = undefined));
  }

  /** Resolves when the purges that are under way now have ended. */
  async settled(): Promise<void> {
    await this.#running.settled();
  }

  report(error: unknown): void {
    // The purger has reported this error itself.
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
