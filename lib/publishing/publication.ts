import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PageAddress } from '../page/page-key.js';
import type { Purger } from '../purging/purger.js';
import type { Pace } from './pace.js';
import type { PageRenderer, Rendering } from './page-renderer.js';
import { type PageResult, type PublishReport, PublishResults } from './publish-report.js';

/**
 * Whether a status says that there is no page any more for everybody. Others (429, those of the 500s) say that it could not be rendered
 * now.
 */
function isGone(status: number): boolean {
  return (status >= 300 && status < 400) || [401, 403, 404, 410].includes(status);
}

/** Pages that are published together. */
export class Publication {
  readonly #results = new PublishResults();
  #begun = 0;

  /** @param concurrency how many pages are rendered at once while no visitor is here */
  constructor(
    private readonly renderer: PageRenderer,
    private readonly purger: Purger,
    private readonly pace: Pace,
    private readonly concurrency: number,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws {PurgeIncompleteError} when what is no page any more could not be purged; nothing further is begun then */
  async render(addresses: Iterable<PageAddress>): Promise<void> {
    const waiting = addresses[Symbol.iterator]();
    let hasFailed = false;
    const work = async () => {
      for (let next = waiting.next(); !next.done; next = waiting.next()) {
        const index = this.#begun;
        this.#begun += 1;
        // What has come in meanwhile comes first.
        await nextTurn();
        if (hasFailed || this.signal.aborted) return;
        await this.publish(next.value, index);
      }
    };
    const workers = Array.from({ length: this.concurrency }, () =>
      work().catch((error: unknown) => {
        hasFailed = true;
        throw error;
      }),
    );
    for (const worker of await Promise.allSettled(workers)) if (worker.status === 'rejected') throw worker.reason;
  }

  report(): PublishReport {
    return this.#results.report();
  }

  private async publish(address: PageAddress, index: number): Promise<void> {
    const rendering = await this.pace.run(() => this.renderer.render(address, this.signal));
    if (rendering) this.#results.set(index, address.path, await this.settle(address, rendering));
  }

  /** What is no page any more goes. */
  private async settle(address: PageAddress, { status, outcome }: Rendering): Promise<PageResult> {
    if (outcome.stored) return { result: 'published' };
    const isPage = status >= 200 && status < 300;
    if (!isPage && !isGone(status)) return { result: 'failed', ...(status === 0 ? {} : { status }) };
    await this.purger.one(address);
    // A page that somebody kept out, or no page any more.
    return isPage ? { result: 'skipped', reason: outcome.reason } : { result: 'purged' };
  }
}
