import type { ExpiryEntry, ExpiryIndex } from './expiry-index.js';
import type { Leases } from './leases.js';

/** How often is looked for what ends soon, in milliseconds. */
const INTERVAL = 500;
/** How often for what a process that had been stopped may have written into the past, and for its rests, in milliseconds. */
const FULL_INTERVAL = 60_000;
/** So many pages are removed together. */
const TOGETHER = 16;

/**
 * Removes pages when their time is over, and only as long as it can do so lets nginx serve pages that have one: the leases are
 * renewed after everything that is due has gone.
 *
 * Every process does this for the pages of all. Its timers do not keep the process alive.
 */
export class ExpiryKeeper {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #next: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;
  #closed = false;
  #failed = true;
  /** Everything up to this second is done with. */
  #done = 0;
  #fullAt = 0;

  /**
   * @param lease how long nginx may go on after the last renewal, in milliseconds
   * @param expire removes the page and the entry
   * @param tidy is called now and then, and nothing waits for it
   */
  constructor(
    private readonly index: ExpiryIndex,
    private readonly leases: Leases,
    private readonly lease: number,
    private readonly expire: (entry: ExpiryEntry) => Promise<void>,
    private readonly tidy: (now: number) => Promise<void>,
  ) {
    void this.run();
  }

  /** Rejects while pages cannot be removed in time. */
  async ready(): Promise<void> {
    if (this.#failed) await (this.#running ?? this.tick());
  }

  /** To be told of each page: what ends very soon might otherwise be noticed late. */
  watch(entry: ExpiryEntry): void {
    const delay = entry.expires - Date.now();
    if (this.#closed || delay > 3 * INTERVAL || this.#timers.has(entry.path)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(entry.path);
      // What fails is tried again, and reported, by the next look at this second.
      this.expire(entry).catch(() => {});
    }, delay).unref();
    this.#timers.set(entry.path, timer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#next);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    await this.#running?.catch(() => {});
    await this.#tidying;
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
    const current = Math.floor(now / 1000);
    const full = now >= this.#fullAt || current < this.#done;
    for (const second of full ? await this.index.seconds() : range(this.#done + 1, current + 1)) {
      if (second > current + 1) continue;
      const entries = await this.index.entries(second);
      const due = entries.filter(({ expires }) => expires <= now);
      while (due.length > 0) await Promise.all(due.splice(0, TOGETHER).map((entry) => this.expire(entry)));
      for (const entry of entries) if (entry.expires > now) this.watch(entry);
      if (second < current) await this.index.drop(second);
    }
    await this.leases.renew(now, this.lease);
    this.#done = current - 1;
    if (!full) return;
    this.#fullAt = now + FULL_INTERVAL;
    this.#tidying ??= this.tidy(now)
      .catch(() => {})
      .finally(() => {
        this.#tidying = undefined;
      });
  }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
