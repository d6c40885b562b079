import { slices } from '../../async/chunks.js';
import { type ExpiryIndex, PERIOD } from './expiry-index.js';
import type { Leases } from './leases.js';
import { ABANDONED, type PageVersion } from './page-version.js';

/** How often is looked for what ends soon, in milliseconds. */
const INTERVAL = 500;
/** How often for what a process that had been stopped may have written into the past, and for what is left over, in milliseconds. */
const FULL_INTERVAL = 60_000;
/** So many pages are removed together. */
const TOGETHER = 16;
/** So far clocks may go back without anything happening, in milliseconds. */
const TOLERANCE = 1000;

/**
 * Removes pages when their time is over, and only as long as it can do so lets nginx serve pages that have one: the leases are
 * renewed after everything that is due has gone.
 *
 * Every process does this for the pages of all. Its timers do not keep the process alive.
 */
export class ExpiryKeeper {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Versions that are being removed since their timers have run. */
  readonly #ending = new Set<Promise<void>>();
  #next: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;
  #closed = false;
  #failed = true;
  /** Everything up to this period is done with. */
  #done = 0;
  #fullAt = 0;
  /** Of the clock, against one that nobody sets. */
  #offset = offset();

  /**
   * @param lease how long nginx may go on after the last renewal, in milliseconds
   * @param expire removes the version and the entry; of what this process has stored, it is given the directory of the page
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
   * To be told of each version: what ends very soon might otherwise be noticed late.
   *
   * @param page its directory, if this process has stored it
   */
  watch(version: PageVersion, page?: string): void {
    // Its time may be over by now, and Node 22 warns of negative timeouts.
    const delay = Math.max(0, version.expires - Date.now());
    if (this.#closed || delay > 3 * INTERVAL || this.#timers.has(version.name)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(version.name);
      // What fails is tried again, and reported, by the next look at this period.
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
      // An entry of the future may be one of the past, by another clock.
      if (period > current + 1 && !isFirst && !isSetBack) continue;
      const entries = await this.index.entries(period);
      // Nobody can tell when a page ends that was stored by a clock that has been set back since.
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

/** What ends later than it can, was stored by another clock. */
function isDue({ expires, ttl }: PageVersion, now: number): boolean {
  return expires <= now || expires > now + (ttl || ABANDONED) + TOLERANCE;
}

function offset(): number {
  return Date.now() - performance.now();
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
