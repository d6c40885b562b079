import { slices } from '../../async/chunks.js';
import { type ExpiryIndex, PERIOD } from './expiry-index.js';
import type { Leases } from './leases.js';
import { ABANDONED, type PageVersion } from './page-version.js';

/** How often to look for pages that end soon, in milliseconds. */
const INTERVAL = 500;
/** How often to look at all periods, in milliseconds: a suspended process may have written into the past, and things may be left over. */
const FULL_INTERVAL = 60_000;
/** How many pages are removed together. */
const TOGETHER = 16;
/** How far a clock may go back without consequences, in milliseconds. */
const TOLERANCE = 1000;

/**
 * Removes pages when their time is over. nginx may serve pages with a ttl only as long as this works: the leases are renewed once everything that
 * is due has been removed.
 *
 * Every process does this for the pages of all processes. Its timers do not keep the process alive.
 */
export class ExpiryKeeper {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Removals that a timer has started and that are still running. */
  readonly #ending = new Set<Promise<void>>();
  #next: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;
  #closed = false;
  #failed = true;
  /** Every period up to this one is done. */
  #done = 0;
  #fullAt = 0;
  /** How far the system clock is ahead of a clock that nobody can set, in milliseconds. */
  #offset = offset();

  /**
   * @param lease how long nginx may serve pages after the last renewal, in milliseconds
   * @param expire removes a version and its entry; it also gets the directory of the page, if this process has stored the version
   * @param tidy is called now and then, and nothing waits for it
   */
  constructor(
    private readonly index: ExpiryIndex,
    private readonly leases: Leases,
    private readonly lease: number,
    private readonly expire: (version: PageVersion, page?: string) => Promise<void>,
    private readonly tidy: (now: number) => Promise<void>,
  ) {
    void this.run();
  }

  /** Rejects while pages cannot be removed in time. */
  async ready(): Promise<void> {
    if (this.#failed) await (this.#running ?? this.tick());
  }

  /**
   * Must be called for each version: the end of one that ends very soon might otherwise be noticed late.
   *
   * @param page the directory of its page, if this process has stored it
   */
  watch(version: PageVersion, page?: string): void {
    // Its time may be over by now, and Node 22 warns of negative timeouts.
    const delay = Math.max(0, version.expires - Date.now());
    if (this.#closed || delay > 3 * INTERVAL || this.#timers.has(version.name)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(version.name);
      // The next sweep of this period tries a failed removal again, and reports its error.
      const ending = this.expire(version, page)
        .catch(() => {})
        .finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }, delay).unref();
    this.#timers.set(version.name, timer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#next);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    await this.#running?.catch(() => {});
    await Promise.all([this.#tidying, ...this.#ending]);
  }

  private async run(): Promise<void> {
    await this.tick().catch(() => {});
    if (!this.#closed) this.#next = setTimeout(() => void this.run(), INTERVAL).unref();
  }

  private tick(): Promise<void> {
    this.#running ??= this.sweep(Date.now()).then(
      () => {
        this.#failed = false;
        this.#running = undefined;
      },
      (error: unknown) => {
        this.#failed = true;
        this.#running = undefined;
        throw error;
      },
    );
    return this.#running;
  }

  private async sweep(now: number): Promise<void> {
    const current = Math.floor(now / PERIOD);
    const before = this.#offset;
    const isSetBack = offset() < before - TOLERANCE;
    const isFirst = this.#done === 0;
    const isFull = isFirst || isSetBack || now >= this.#fullAt;
    for (const period of isFull ? await this.index.periods() : range(this.#done + 1, current + 1)) {
      // An entry in the future may come from another clock and be due, so the first sweep, and one after the clock was set back, look there too.
      if (period > current + 1 && !isFirst && !isSetBack) continue;
      const entries = await this.index.entries(period);
      // If the clock has been set back, nobody can tell when a page ends that was stored before.
      await this.expireAll(entries.filter((entry) => isSetBack || isDue(entry, now)));
      for (const entry of entries) if (entry.expires > now) this.watch(entry);
      if (period < current) await this.index.close(period);
    }
    await this.leases.renew(now, this.lease);
    this.#done = current - 1;
    this.#offset = offset();
    if (!isFull) return;
    this.#fullAt = now + FULL_INTERVAL;
    this.#tidying ??= this.tidy(now)
      .catch(() => {})
      .finally(() => {
        this.#tidying = undefined;
      });
  }

  private async expireAll(due: readonly PageVersion[]): Promise<void> {
    for (const some of slices(due, TOGETHER)) await Promise.all(some.map((version) => this.expire(version)));
  }
}

/** A version that ends later than its ttl allows was stored by another clock. */
function isDue({ expires, ttl }: PageVersion, now: number): boolean {
  return expires <= now || expires > now + (ttl || ABANDONED) + TOLERANCE;
}

function offset(): number {
  return Date.now() - performance.now();
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
