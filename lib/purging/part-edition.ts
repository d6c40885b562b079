import { PageCacheFailed } from '../events/outcomes.events.js';
import type { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { type Claim, type Edition, type EditionRefusal, isSame, isSameBuild } from '../stores/journal/edition.js';
import type { StoragePart } from '../stores/storage-part.js';
import type { Epoch } from './epoch.js';
import type { Purger } from './purger.js';

/** How often a process says that its edition still runs, in milliseconds. */
const BEAT = 20_000;
/** After this many intervals without a sign, no process runs the edition any more. */
const MISSED = 3;
/** A server that does not answer is asked again after this time, in milliseconds; then after twice that, and so on. */
const RETRY = 2000;

/** Which edition holds on one server. */
export class PartEdition {
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #retry = RETRY;
  #hasTried = false;
  #hasFailed = false;
  /** The last sign of the edition that holds, and how often this process has looked since. */
  #sign: { readonly beat: string; readonly looks: number } = { beat: '', looks: 0 };
  /** Unix time in milliseconds. */
  readonly #started = Date.now();

  /**
   * @param epoch the epoch of all servers of the list
   * @param isFormer whether the server is in an earlier list only: no page belongs there
   * @param onBeat is called after every look
   */
  constructor(
    private readonly part: StoragePart,
    private readonly epoch: Epoch,
    private readonly isFormer: boolean,
    private readonly purger: Purger,
    private readonly dispatcher: PageCacheDispatcher,
    private readonly onBeat: () => void,
  ) {
    // What the server holds may be of another edition, and nginx reads it again.
    part.onReturn(() => {
      if (this.#hasFailed && !this.#isClosed) void this.beat();
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  get refusal(): EditionRefusal | undefined {
    return this.part.journal.editions.refusal;
  }

  /** Looks which edition holds, and says that this process's edition still runs. */
  async beat(): Promise<void> {
    clearTimeout(this.#timer);
    this.#hasFailed = false;
    let next = BEAT;
    try {
      await this.claim();
      await this.sweep();
      this.#retry = RETRY;
    } catch (error) {
      this.#hasFailed = true;
      this.dispatcher.notify(new PageCacheFailed('purge', error));
      next = Math.min(this.#retry, BEAT);
      this.#retry = 2 * next;
    }
    this.onBeat();
    if (this.#isClosed || (this.isFormer && next === BEAT && this.part.journal.editions.claim?.isSwept)) return;
    this.#timer = setTimeout(() => void this.beat(), next).unref();
  }

  private async claim(): Promise<void> {
    const { journal } = this.part;
    const { editions } = journal;
    const last = this.#sign;
    const isFirst = !this.#hasTried;
    this.#hasTried = true;
    // The function may be called again, with another claim.
    await journal.claim?.((claim) => {
      const looks = beatOf(claim) === last.beat ? last.looks + 1 : 0;
      const next = this.next(editions.own!, claim, isFirst, looks);
      this.#sign = next ? { beat: beatOf(next), looks: 0 } : { beat: beatOf(claim), looks };
      return next;
    });
  }

  /**
   * The next claim; `undefined` when the claim stays.
   *
   * @param looks how often this process has looked since the edition that holds last gave a sign
   */
  private next(own: Edition, claim: Claim | undefined, isFirst: boolean, looks: number): Claim | undefined {
    this.part.journal.editions.saw(claim);
    this.epoch.join();
    const isAhead = this.epoch.latest > (this.epoch.known?.since ?? -1);
    if (isAhead) {
      // A process that could not claim at its start has not been overtaken by one that was started before it.
      if (!isFirst && this.epoch.latest >= this.#started && looks < MISSED) return undefined;
      this.epoch.begin();
    }
    const { since, after } = this.epoch.known!;
    if (claim && claim.since === since) return looks > 0 ? { ...claim, beat: claim.beat + 1 } : undefined;
    return { ...own, since, after, beat: 0, isSwept: false, keepsOwn: !this.isFormer && isInStep(claim, own, after) };
  }

  /** Repeated until everything is deleted, since the process that has claimed may have ended midway. */
  private async sweep(): Promise<void> {
    const { journal } = this.part;
    const { own, claim, refusal } = journal.editions;
    if (refusal !== undefined || !claim || claim.isSwept) return;
    await this.purger.sweep(this.part, claim.keepsOwn);
    await journal.claim?.((current) =>
      current && own && isSame(current, own) && current.since === claim.since
        ? { ...current, isSwept: true }
        : undefined,
    );
  }
}

/** Whether a server has missed nothing before a claim, so only its list of servers is to change. */
function isInStep(claim: Claim | undefined, own: Edition, after: number): boolean {
  if (!claim || !isSameBuild(claim, own)) return false;
  // Another process has claimed at the same time.
  if (isSame(claim, own) && claim.after === after) return claim.isSwept || claim.keepsOwn;
  return claim.since === after && claim.isSwept;
}

function beatOf(claim: Claim | undefined): string {
  return `${claim?.since} ${claim?.beat}`;
}
