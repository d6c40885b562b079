import type { RenderLease } from './render-lease.js';

/** How long a lease stays when nobody renews it, in milliseconds. Other processes need not wait that long. */
export const LEASE_TTL = 2000;
/** How often a lease is renewed, in milliseconds. */
const BEAT = 250;

/** The common part of the leases of all stores: this process has the lease, and says several times a second that it is alive. */
export abstract class HeldLease implements RenderLease {
  readonly #timer: NodeJS.Timeout;
  #isUseful = () => true;
  #hasEnded = false;

  /** @param onEnd is called once, when the lease is released or lost */
  constructor(private readonly onEnd: () => void) {
    this.#timer = setInterval(() => this.beat(), BEAT).unref();
  }

  get isHeld(): boolean {
    return !this.#hasEnded;
  }

  keepWhile(isUseful: () => boolean): void {
    this.#isUseful = isUseful;
  }

  release(isPage: boolean): void {
    void this.end(isPage);
  }

  /** As `release`. Resolves when the store has been told. Never rejects, since a lease lapses by itself. */
  async end(isPage: boolean): Promise<void> {
    if (this.#hasEnded) return;
    this.stop();
    await attempt(() => this.give(isPage));
  }

  private beat(): void {
    if (this.#isUseful()) void attempt(() => this.renew());
    else this.release(true);
  }

  /** Another process has the lease, or may have it. */
  protected lose(): void {
    if (!this.#hasEnded) this.stop();
  }

  private stop(): void {
    this.#hasEnded = true;
    clearInterval(this.#timer);
    this.onEnd();
  }

  protected abstract renew(): void;
  /** @param isPage whether others may wait for the next rendering */
  protected abstract give(isPage: boolean): void | Promise<void>;
}

/** Ignores errors, since a lease lapses by itself. */
async function attempt(run: () => void | Promise<void>): Promise<void> {
  try {
    await run();
  } catch {}
}
