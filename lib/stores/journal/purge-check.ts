import type { PageAddress } from '../../page/page-key.js';
import type { EditionRefusal } from './edition.js';
import { concerns, isRefresh } from './purge-scope.js';
import type { PurgeJournal } from './purge-journal.js';

/** What a process knew when a request came in, without asking anybody. */
export interface Arrival {
  /** Of the journal, as far as this process had seen it. */
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
  /** Whether other processes shall wait for the page. */
  readonly leads?: boolean;
  /** Whether the handler has been called already, since the store was late. */
  readonly isRunning?: () => boolean;
}

/** Why a purge, or a deploy, keeps a rendering out of the store. */
export type PurgeVerdict =
  /** This process runs another version, or has other options, than the one that was started last. */
  | EditionRefusal
  /** The page was purged while it was being rendered. */
  | 'purged'
  /** Somebody else is rendering the page again, too. */
  | 'refreshed'
  /** Nobody can tell. */
  | 'purges-unknown'
  /** This process has purges that the store has not acknowledged. */
  | 'purge-pending';

/**
 * Begins the check of a rendering: everything that is written down from now on counts. Where the handler runs already, that is not enough:
 * then everything counts that this process did not know when the request came in.
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

/** Tells of one rendering whether its page was purged since its request came in. */
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

  /** By what this process knows already. */
  known(tags: ReadonlySet<string>): PurgeVerdict | undefined {
    const { window, editions, held } = this.journal;
    if (editions.refusal !== undefined) return editions.refusal;
    const entries = window.since(this.arrival.position);
    if (!entries) return 'purges-unknown';
    // Middleware and guards read data before the handler: a purge from that time counts, too. Others may have purged while this process
    // did not look; their clocks tell what came before the request.
    const early = this.began - this.arrival.position;
    const scopes = entries
      .filter(({ time }, index) => index >= early || time >= this.arrival.time)
      .map(({ scope }) => scope)
      .filter((scope) => concerns(scope, this.address, tags));
    if (scopes.length === 0) return held ? 'purge-pending' : undefined;
    return this.renews && scopes.every(isRefresh) ? 'refreshed' : 'purged';
  }

  /** By what every process has written down before the call. */
  async ask(tags: ReadonlySet<string>): Promise<PurgeVerdict | undefined> {
    try {
      await this.journal.catchUp();
    } catch {
      return 'purges-unknown';
    }
    return this.known(tags);
  }
}
