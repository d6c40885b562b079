import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { inTime } from '../async/in-time.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed } from '../events/page-cache.events.js';
import { type Claim, type Edition, type EditionRefusal, isSame } from '../stores/journal/edition.js';
import { PageStorage } from '../stores/page-storage.js';
import { Purger } from './purger.js';

/** So often a process says that its edition still runs, in milliseconds. */
const BEAT = 20_000;
/** After so many of them without a sign, an edition has ended: nobody runs it any more. */
const MISSED = 3;
/** A store that does not answer is asked again after this time, in milliseconds; then after twice that, and so on. */
const RETRY = 2000;
/** So long the application waits with its start for the pages of other editions to go, in milliseconds. */
const START = 5000;

const REPORTS: Readonly<Record<Exclude<EditionRefusal, 'purges-unknown'>, string>> = {
  'other-version':
    'A process of another version has been started, so this one stores no pages any more (detail=other-version). ' +
    'That is as it should be while a new version is being deployed.',
  'other-configuration':
    'A process with other options has been started on the same store and prefix, so this one stores no pages any more ' +
    '(detail=other-configuration). Restart this one with the options of the other, or give the other a prefix of its own.',
};

/**
 * Sees to it that pages of one edition alone are stored: the process that was started last says which. When it starts, the pages of all
 * others go. docs/deploys.md says what that means for a deploy.
 */
@Injectable()
export class EditionKeeper implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('PageCache');
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #retry = RETRY;
  /** Unix time in milliseconds. */
  #started = Infinity;
  #hasTried = false;
  /** The last sign of the edition that holds, and how often this process has looked since. */
  #sign: { readonly beat: string; readonly looks: number } = { beat: '', looks: 0 };
  #reported: EditionRefusal | undefined;

  constructor(
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    // A worker or a script renders no pages: it takes no part.
    if (!this.host.httpAdapter?.getHttpServer?.() || !this.storage.journal.editions.own) return;
    this.#started = Date.now();
    await inTime(this.beat(), START);
  }

  onModuleDestroy(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Looks which edition holds, and says that its own still runs. */
  async beat(): Promise<void> {
    clearTimeout(this.#timer);
    let next = BEAT;
    try {
      await this.claim();
      await this.sweep();
      this.#retry = RETRY;
    } catch (error) {
      this.dispatcher.notify(new PageCacheFailed('purge', error));
      next = Math.min(this.#retry, BEAT);
      this.#retry = 2 * next;
    }
    this.report();
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.beat(), next).unref();
  }

  private async claim(): Promise<void> {
    const { journal } = this.storage;
    const { editions } = journal;
    const last = this.#sign;
    const isFirst = !this.#hasTried;
    this.#hasTried = true;
    // It may be asked again, with another claim.
    await journal.claim?.((claim) => {
      const looks = beatOf(claim) === last.beat ? last.looks + 1 : 0;
      const next = this.next(editions.own!, claim, isFirst, looks);
      this.#sign = next ? { beat: beatOf(next), looks: 0 } : { beat: beatOf(claim), looks };
      return next;
    });
  }

  /**
   * The claim after this one; `undefined` when it stays.
   *
   * @param looks how often this process has looked since its edition last gave a sign
   */
  private next(own: Edition, claim: Claim | undefined, isFirst: boolean, looks: number): Claim | undefined {
    if (claim && isSame(claim, own)) return looks > 0 ? { ...claim, beat: claim.beat + 1 } : undefined;
    const since = claim?.since ?? 0;
    // Who could not claim at its start has not been overtaken by whoever was started before.
    if (!isFirst && since >= this.#started && looks < MISSED) return undefined;
    return { ...own, since: Math.max(Date.now(), since + 1), beat: 0, isSwept: false };
  }

  /** Again and again until all of it is done: the process that has claimed may have ended in the middle. */
  private async sweep(): Promise<void> {
    const { journal } = this.storage;
    const { own, claim, refusal } = journal.editions;
    if (refusal !== undefined || !claim || claim.isSwept) return;
    await this.purger.sweep();
    await journal.claim?.((current) =>
      current && own && isSame(current, own) ? { ...current, isSwept: true } : undefined,
    );
  }

  private report(): void {
    const { refusal } = this.storage.journal.editions;
    if (refusal === this.#reported) return;
    this.#reported = refusal;
    if (refusal === 'other-version') this.#logger.log(REPORTS[refusal]);
    if (refusal === 'other-configuration') this.#logger.error(REPORTS[refusal]);
  }
}

function beatOf(claim: Claim | undefined): string {
  return `${claim?.since} ${claim?.beat}`;
}
