import type { PageStorage } from '../stores/page-storage.js';
import type { RenderLease } from '../stores/render-lease.js';

/** A process that has not been heard of for this long, in milliseconds, has died. */
const SILENCE = 800;

/** Gives one of the processes that share a store the right to do something for all. When that process dies, another one takes over. */
export class SoleProcess {
  #lease: RenderLease | undefined;
  /** The last sign of life of the process that has the right, and when it came, on the clock of this process. */
  #heard: { readonly beat: string; readonly time: number } | undefined;

  /** @param what names the right */
  constructor(
    private readonly storage: Pick<PageStorage, 'lease'>,
    private readonly what: string,
  ) {}

  /** Whether this process has the right, or gets it now. Rejects when the store does not answer. */
  async isThis(): Promise<boolean> {
    if (this.#lease?.isHeld) return true;
    const now = performance.now();
    const heard = this.#heard;
    const answer = await this.storage.lease(this.what, heard && now - heard.time > SILENCE ? heard.beat : undefined);
    if (answer?.kind === 'taken') {
      if (answer.beat !== heard?.beat) this.#heard = { beat: answer.beat, time: now };
      return false;
    }
    this.#heard = undefined;
    this.#lease = answer?.kind === 'granted' ? answer.lease : undefined;
    // No other process shares the store.
    return answer === undefined || this.#lease !== undefined;
  }

  giveUp(): void {
    this.#lease?.release(true);
    this.#lease = undefined;
  }
}
