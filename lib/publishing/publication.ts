import { setImmediate as nextTurn } from 'node:timers/promises';
import { together } from '../async/together.js';
import type { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PagesPurged } from '../events/outcomes.events.js';
import { retryAfter } from '../http/retry-after.js';
import type { PageAddress } from '../page/page-key.js';
import type { Purger } from '../purging/purger.js';
import { describe, type PathsScope, type PurgeScope } from '../stores/journal/purge-scope.js';
import type { Pace } from './pace.js';
import type { PageRenderer, Rendering } from './page-renderer.js';
import { type PageResult, type PublishManyReport, type PublishReport, PublishResults } from './publish-report.js';
import { settle } from './settlement.js';

/** How many times a page is asked for while the application says that it is too busy. */
const ATTEMPTS = 3;
/** The longest pause that the application can ask for, in milliseconds. */
const LONGEST_PAUSE = 60_000;
/** The pause after the first of several failures in a row, in milliseconds. It doubles with each further failure. */
const FAILURE_PAUSE = 50;
/** The longest pause after failures, in milliseconds. */
const LONGEST_FAILURE_PAUSE = 2000;

export interface PublicationOptions {
  /** How many pages are rendered at once while no visitor is here. */
  readonly concurrency: number;
  /** Whether there is time: then failures slow the publication down, and an application that is too busy is asked again. */
  readonly isPatient?: boolean;
  /** Whether the page is left as it is. */
  readonly keeps?: (address: PageAddress) => Promise<boolean>;
  /** What the page is called in the report. Default: its path. */
  readonly nameOf?: (address: PageAddress) => string;
  readonly onResult?: (name: string, result: PageResult) => void;
}

/** A page that is to be published. */
export interface WantedPage extends PageAddress {
  /** Why there can be no page at the address. */
  readonly refusal?: string | undefined;
}

/** Pages that are published together. */
export class Publication {
  readonly #results = new PublishResults();
  #begun = 0;
  /** How many pages have failed in a row. */
  #failures = 0;
  #hasGivenUp = false;

  constructor(
    private readonly renderer: PageRenderer,
    private readonly purger: Purger,
    private readonly dispatcher: PageCacheDispatcher,
    private readonly pace: Pace,
    private readonly signal: AbortSignal,
    private readonly options: PublicationOptions,
  ) {}

  /** @throws {PurgeIncompleteError} when a page that has gone could not be purged; no further page is begun then */
  async render(addresses: Iterable<WantedPage>): Promise<void> {
    await together(addresses, this.options.concurrency, async (address) => {
      const index = this.#begun;
      this.#begun += 1;
      // Requests that have come in meanwhile come first.
      await nextTurn();
      const result = this.signal.aborted ? undefined : await this.publish(address);
      if (result) this.set(index, address, result);
      else this.#hasGivenUp = true;
    });
  }

  /**
   * Renders pages in place of the stored ones.
   *
   * @param find returns the pages; it is called once every process knows that the stored ones are outdated
   * @returns whether that worked; if not, nothing was rendered
   * @throws {PurgeIncompleteError} like `render()`
   */
  async replace(
    scope: PurgeScope,
    paths: PathsScope['paths'],
    find: () => Promise<readonly WantedPage[]>,
  ): Promise<boolean> {
    let pages: readonly WantedPage[];
    try {
      // Anything that is being rendered, here or elsewhere, and is stored after this, is checked against it.
      await this.purger.announce(scope);
      pages = await find();
    } catch {
      return false;
    }
    try {
      await this.render(pages);
    } finally {
      this.purger.replaced(scope);
    }
    // Caches farther out have the old pages, and can get the new ones only now.
    this.dispatcher.notify(new PagesPurged(describe(scope), 0, paths));
    return true;
  }

  /** Marks pages as failed that the store keeps from being rendered, and goes on a little later. */
  async fail(addresses: readonly PageAddress[], reason: string): Promise<void> {
    for (const address of addresses) {
      this.set(this.#begun, address, { result: 'failed', reason });
      this.#begun += 1;
    }
    this.slowDown();
    await this.pace.run(async () => {});
  }

  /** Whether some pages were left when the signal came. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  report(): PublishReport & Pick<PublishManyReport, 'kept'> {
    return this.#results.report();
  }

  private slowDown(): void {
    if (!this.options.isPatient) return;
    this.pace.pause(Math.min(FAILURE_PAUSE * 2 ** this.#failures, LONGEST_FAILURE_PAUSE));
    this.#failures = Math.min(this.#failures + 1, 10);
  }

  private set(index: number, address: PageAddress, result: PageResult): void {
    const name = this.options.nameOf?.(address) ?? address.path;
    this.#results.set(index, name, result);
    this.options.onResult?.(name, result);
  }

  private async publish(address: WantedPage): Promise<PageResult | undefined> {
    if (address.refusal !== undefined) return { result: 'skipped', reason: address.refusal };
    if (await this.options.keeps?.(address)) return { result: 'kept' };
    for (let attempt = 1; ; attempt += 1) {
      const rendering = await this.pace.run(() => this.renderer.render(address, this.signal));
      if (!rendering) return undefined;
      if (this.isAskedToWait(rendering, attempt) && attempt < ATTEMPTS) continue;
      const result = await settle(address, rendering, this.purger, this.options.isPatient);
      if (result.result === 'failed') this.slowDown();
      else this.#failures = 0;
      return result;
    }
  }

  /** Whether the application asks to wait: 429 (RFC 6585, section 4) or 503 (RFC 9110, section 15.6.4). */
  private isAskedToWait({ status, retryAfter: field }: Rendering, attempt: number): boolean {
    if (!this.options.isPatient || (status !== 429 && status !== 503)) return false;
    this.pace.pause(Math.min(retryAfter(field) ?? 1000 * 2 ** (attempt - 1), LONGEST_PAUSE));
    return true;
  }
}
