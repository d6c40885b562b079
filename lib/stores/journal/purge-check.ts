import type { PageAddress } from '../../page/page-key.js';
import type { EditionRefusal } from './edition.js';
import { concerns, isRefresh } from './purge-scope.js';
import type { PurgeJournal } from './purge-journal.js';

/** What a process knew when a request came in, without asking anybody. */
export interface Arrival {
  /** The position in the journal up to which this process had read. */
  readonly position: number;
  /** Unix time in milliseconds. */
  readonly time: number;
}

/** What a rendering begins with. */
export interface WriteContext {
  /** What this process knew when the request came in. */
  readonly arrival: Arrival;
  /** Whether `publish()` or `refresh()` has asked for the rendering, and not a visitor. */
  readonly renews: boolean;
  /** Whether other processes should wait for the page. */
  readonly leads?: boolean;
  /** Whether the handler is running already, because the store was late. */
  readonly isRunning?: () => boolean;
}

/** Why a purge, or a deploy, keeps a rendering out of the store. */
export type PurgeVerdict =
  /** This process runs another version, or has other options, than the process that was started last. */
  | EditionRefusal
  /** The page was purged while it was being rendered. */
  | 'purged'
  /** Somebody else is rendering the page again, too. */
  | 'refreshed'
  /** It is unknown whether the page was purged. */
  | 'purges-unknown'
  /** This process has purges that the store has not acknowledged. */
  | 'purge-pending';

/**
 * Begins the check of a rendering: every purge that is written down from now on counts. If the handler is running already, that is not enough. Then
 * every purge counts that this process did not know when the request came in.
 */
export async function beginCheck(
  journal: PurgeJournal,
  address: PageAddress,
  { arrival, renews, isRunning }: WriteContext,
): Promise<PurgeCheck> {
  await journal.look();
  const began = isRunning?.() ? arrival.position : journal.window.position;
  return new PurgeCheck(journal, address, arrival, began, renews);
}

/** Tells whether the page of one rendering was purged since its request came in. */
export class PurgeCheck {
  /**
   * @param began a position of the journal from before the handler ran
   * @param renews whether `publish()` or `refresh()` has asked for the rendering
   */
  constructor(
    private readonly journal: PurgeJournal,
    private readonly address: PageAddress,
    private readonly arrival: Arrival,
    private readonly began: number,
    private readonly renews: boolean,
  ) {}

  /** Checks against the purges that this process knows already. */
  known(tags: ReadonlySet<string>): PurgeVerdict | undefined {
    const { window, editions, held } = this.journal;
    if (editions.refusal !== undefined) return editions.refusal;
    const entries = window.since(this.arrival.position);
    if (!entries) return 'purges-unknown';
    // Middleware and guards read data before the handler, so a purge from that time counts, too. These entries may be older than the request,
    // because this process had not read them yet: the clocks of the processes that wrote them tell.
    const early = this.began - this.arrival.position;
    const scopes = entries
      .filter(({ time }, index) => index >= early || time >= this.arrival.time)
      .map(({ scope }) => scope)
      .filter((scope) => concerns(scope, this.address, tags));
    if (scopes.length === 0) return held ? 'purge-pending' : undefined;
    return this.renews && scopes.every(isRefresh) ? 'refreshed' : 'purged';
  }

  /** Checks against all purges that were written down before the call, by any process. */
  async ask(tags: ReadonlySet<string>): Promise<PurgeVerdict | undefined> {
    try {
      await this.journal.catchUp();
    } catch {
      return 'purges-unknown';
    }
    return this.known(tags);
  }
}
