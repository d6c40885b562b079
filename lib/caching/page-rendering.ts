import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import type { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { inTime } from '../async/in-time.js';
import { PageRendered, PageResponding } from '../events/decisions.events.js';
import { PageCacheFailed, PageSkipped, PageStored } from '../events/outcomes.events.js';
import { type ResponseHead, valuesOf } from '../http/fields.js';
import type { RequestInputs } from '../inputs/request-inputs.js';
import type { PageDraft } from '../page/page-draft.js';
import type { Page } from '../page/page.js';
import type { PageWrite, Refusal } from '../stores/page-write.js';
import type { PageAssembly } from '../fragments/page-assembly.js';
import type { ReadReports } from './read-reports.js';

/** What became of a page. */
export type PageOutcome =
  { readonly stored: true; readonly page: Page } | { readonly stored: false; readonly reason: string };

/** How long those who wait for a page also wait for a store that does not answer, in milliseconds. */
const LATENESS = 250;
const STORE_DOWN: PageOutcome = { stored: false, reason: 'store-down' };

/** Refusals of a store after which another rendering may be stored. */
const OUTDATED: ReadonlySet<string> = new Set<Refusal>(['purged', 'refreshed', 'superseded']);

/** Whether the page has changed while it was being rendered, or another rendering was faster. */
export function isOutdated(outcome: PageOutcome): boolean {
  return !outcome.stored && OUTDATED.has(outcome.reason);
}

/** The response that a rendering has become. */
export interface RecordedResponse {
  /** The page as it was sent, with its content coding undone; or the reason why it is none. */
  page(): Promise<Page | string>;
  /** The same page as it is stored. */
  packed(page: Page): Promise<Page>;
}

/** One rendering of a page, from its handler to the store: asks everybody who has a say, and commits the page or drops it. */
export class PageRendering {
  /** Settles when the page is stored, or as soon as it is known that it will not be; never rejects. */
  readonly outcome: Promise<PageOutcome>;
  /** The same for those who wait for the page. */
  readonly shared: Promise<PageOutcome>;
  /** Settles with the page as it is stored, once nobody objects to it and before the store has it; or with the reason why there is none. */
  readonly judged: Promise<Page | string>;
  #judge!: (judged: Page | string) => void;
  #settle!: (outcome: PageOutcome) => void;
  #tellOthers: ((outcome: PageOutcome) => void) | undefined;
  #head: ResponseHead = { status: 0, headers: [] };
  #hasFailed = false;
  #hasBegun = false;
  #isDropped = false;
  #deciding: void | Promise<void> = undefined;

  /** @param onFailure is called when nobody knows whether the page was stored */
  constructor(
    private readonly dispatcher: PageCacheDispatcher,
    readonly draft: PageDraft,
    private readonly write: PageWrite,
    private readonly request: IncomingMessage,
    private readonly context: ExecutionContext,
    private readonly inputs: RequestInputs,
    private readonly reads: ReadReports,
    private readonly assembly: PageAssembly,
    private readonly cause: PageStored['cause'],
    private readonly onFailure: () => void,
  ) {
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.judged = new Promise((resolve) => {
      this.#judge = resolve;
    });
    this.shared = write.isLate ? this.outcomeInTime() : this.outcome;
  }

  /** Whether the handler was called before the store had answered. */
  get wasLate(): boolean {
    return this.write.isLate !== undefined;
  }

  private get isLate(): boolean {
    return this.write.isLate === true;
  }

  /** Why the page is not stored; `undefined` as long as it may be. */
  get refusal(): string | undefined {
    return this.draft.skipped;
  }

  /** Whether the page was purged since its request came in, as far as this process knows. */
  get isOutdated(): boolean {
    return this.write.refusal(this.draft.tags) !== undefined;
  }

  refuse(reason: string): void {
    this.draft.skip(reason);
  }

  /** Whatever comes of it, it will not be stored: nobody need wait for it. */
  drop(reason: string): void {
    this.#isDropped = true;
    this.refuse(reason);
    this.settleRefused();
  }

  /**
   * The application has thrown. The answer of an exception filter is a page only if its status says what it is (`statuses: [404]`). A response
   * that had begun before is half a page.
   */
  fail(): void {
    this.#hasFailed = true;
    if (this.#hasBegun) this.refuse('exception');
  }

  /** Status and header of the response are known. */
  respond({ status, headers }: ResponseHead): void {
    this.#hasBegun = true;
    if (this.#hasFailed && status < 400) this.refuse('exception');
    this.#head = { status, headers };
    // The listeners come first: a response that is no page anyway needs no report.
    this.#deciding = this.inputs.ask(() =>
      this.dispatcher.decide(new PageResponding(this.draft, this.request, this.context, status, headers)),
    );
    this.judgeReads();
    const refusal = this.write.refusal(this.draft.tags);
    if (refusal !== undefined) this.refuse(refusal);
    // If the page is refused, nobody need wait for the rest of the response.
    this.settleRefused();
    void this.#deciding?.then(() => this.settleRefused());
  }

  /** The whole response has been written. */
  complete(response: RecordedResponse): void {
    this.judgeReads();
    this.inputs.close();
    if (this.isLate) this.#tellOthers?.(STORE_DOWN);
    this.store(response).then(
      (outcome) => this.finish(outcome),
      (error: unknown) => {
        // A write that the end of the application cut off is gone within seconds, and is no failure.
        if (!this.#isDropped) {
          this.dispatcher.notify(new PageCacheFailed('set', error));
          this.onFailure();
        }
        this.finish({ stored: false, reason: 'store-failed' });
      },
    );
  }

  /** The visitor left, or the application gave up, before all of it was written. */
  abort(): void {
    this.inputs.close();
    this.refuse('aborted');
    this.finish({ stored: false, reason: this.refusal ?? 'aborted' });
  }

  /** Nobody waits for a store that has not answered in time, or by the time the page is complete. */
  private outcomeInTime(): Promise<PageOutcome> {
    return new Promise((resolve) => {
      this.#tellOthers = resolve;
      void inTime(this.outcome, LATENESS).then((outcome) => {
        if (outcome || this.isLate) resolve(outcome ?? STORE_DOWN);
        else void this.outcome.then(resolve);
      });
    });
  }

  private judgeReads(): void {
    if (this.refusal !== undefined) return;
    const { headers } = this.#head;
    const shows = (field: string) => valuesOf(headers, field).length > 0;
    const reason = this.reads.reason(this.inputs, this.draft.address, this.context, shows);
    if (reason !== undefined) this.refuse(reason);
  }

  private async store(response: RecordedResponse): Promise<PageOutcome> {
    await this.#deciding;
    const page = this.refusal === undefined ? await response.page() : undefined;
    if (typeof page === 'string') this.refuse(page);
    else if (page) await this.dispatcher.decide(new PageRendered(this.draft, this.request, this.context, page));
    if (!page || typeof page === 'string' || this.refusal !== undefined) {
      return { stored: false, reason: this.refusal ?? 'unknown' };
    }
    const { address, ttl, tags, stale } = this.draft;
    const isDeclared = this.assembly.isDeclared(this.request);
    const form = this.assembly.stored(page, address, isDeclared);
    if (typeof form === 'string') {
      this.refuse(form);
      return { stored: false, reason: form };
    }
    const stored = {
      ...(isDeclared ? form : await response.packed(form)),
      ...(tags.size > 0 ? { tags: [...tags] } : {}),
    };
    const start = performance.now();
    this.#judge(stored);
    const result = await this.write.commit(stored, ttl, stale);
    if (result.stored) {
      const took = performance.now() - start;
      const { wasRead } = result;
      this.dispatcher.notify(new PageStored(address, ttl, [...tags], stored.body.length, this.cause, took, wasRead));
    }
    return result.stored ? { stored: true, page: stored } : result;
  }

  private settleRefused(): void {
    if (this.refusal === undefined) return;
    this.#judge(this.refusal);
    this.#settle({ stored: false, reason: this.refusal });
  }

  private finish(outcome: PageOutcome): void {
    if (!outcome.stored) {
      this.write.abort();
      this.dispatcher.notify(new PageSkipped(this.draft.address, outcome.reason));
      this.#judge(outcome.reason);
    }
    this.#settle(outcome);
  }
}
