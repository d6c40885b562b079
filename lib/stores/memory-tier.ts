import type { PageAddress } from '../page/page-key.js';
import type { Page } from '../page/page.js';
import type { PurgeJournal } from './journal/purge-journal.js';
import { mayConcern, type PurgeScope } from './journal/purge-scope.js';
import { ownBytes } from './own-bytes.js';
import { sizeOf } from './page-size.js';

/** The limits of the first tier. */
export interface TierLimits {
  readonly maxBytes: number;
  /** How long a page is sent after the last tier was asked for it, in milliseconds. */
  readonly ttl: number;
}

interface Kept {
  readonly address: PageAddress;
  readonly page: Page;
  readonly size: number;
  readonly until: number;
  /** The journal of the server that the page was read from. */
  readonly journal: PurgeJournal;
  /** The position in the journal before the page was read. */
  readonly position: number;
}

/**
 * The first of two tiers: pages that this process has read from the last tier. Every page that it returns was in the last tier at some moment of
 * the last `ttl` milliseconds. It does not return a page if this process knows of a purge of it, by any process.
 */
export class MemoryTier {
  /** The least recently used page comes first: a Map keeps the order of insertion. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  /** How many times pages had to be dropped. A page that is being read meanwhile is not kept. */
  #removals = 0;

  /** @param now a clock that never goes back, in milliseconds */
  constructor(
    private readonly limits: TierLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get(key: string): Page | undefined {
    const kept = this.remove(key);
    if (!kept || kept.until <= this.now() || isPurged(kept)) return undefined;
    this.put(kept);
    return kept.page;
  }

  /**
   * Reads a page from the last tier, and keeps it.
   *
   * @param journal the journal of the server that is asked
   * @param ask asks that server
   */
  async read(
    address: PageAddress,
    journal: PurgeJournal,
    ask: () => Promise<Page | undefined>,
  ): Promise<Page | undefined> {
    // All of these are taken before asking: the page may be purged as soon as the last tier has read it.
    const until = this.now() + this.limits.ttl;
    const { position } = journal.window;
    const removals = this.#removals;
    const page = await ask();
    if (!page || removals !== this.#removals) return page;
    const size = sizeOf(address.key, page);
    if (size > this.limits.maxBytes) return page;
    this.remove(address.key);
    this.put({ address, page: { ...page, body: ownBytes(page.body) }, size, until, journal, position });
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.limits.maxBytes) break;
      this.remove(oldest);
    }
    return page;
  }

  /** Drops a page that the last tier may have replaced. */
  drop(key: string): void {
    this.#removals += 1;
    this.remove(key);
  }

  /** Drops the pages that a purge takes. The last tier has deleted them by now. */
  purge(scope: PurgeScope): void {
    this.#removals += 1;
    for (const [key, { address }] of this.#kept) if (mayConcern(scope, address)) this.remove(key);
  }

  private put(kept: Kept): void {
    this.#kept.set(kept.address.key, kept);
    this.#bytes += kept.size;
  }

  private remove(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    this.#kept.delete(key);
    this.#bytes -= kept.size;
    return kept;
  }
}

/** Whether this process has seen a purge of the page in the journal since it read the page. */
function isPurged({ address, journal, position }: Kept): boolean {
  const entries = journal.window.since(position);
  return !entries || entries.some(({ scope }) => mayConcern(scope, address));
}
