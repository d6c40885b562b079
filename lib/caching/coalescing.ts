import { Injectable } from '@nestjs/common';
import { dropOldest } from '../async/drop-oldest.js';
import { inTime } from '../async/in-time.js';
import type { Page } from '../page/page.js';
import { isOutdated, type PageOutcome } from './page-rendering.js';

/** How long others wait for a rendering, in milliseconds from its beginning, as in nginx (`proxy_cache_lock_timeout`). */
const PATIENCE = 5000;
/** How long nobody waits for an address whose last rendering was no page, in milliseconds. */
const ALONE = 10_000;
/** How many addresses that are no pages are remembered. */
const MAX_ALONE = 1000;

/** A rendering for which others may wait. The holder of the lead says either what renders it, or that nothing does. */
export interface Lead {
  /** Whether nobody should wait: the last rendering was no page, or has taken too long. */
  readonly isAlone: boolean;
  /** Whether the visitor has waited in vain, because the store did not answer in time. */
  readonly hasWaited?: boolean;
  render(rendering: Rendering): void;
  /** There will be no page. */
  giveUp(reason: string): void;
  /** From now on, no further requests wait for it. */
  close(): void;
  /** Somebody else has stored the page. It was read after `close()`, so nobody gets a page that was purged before they asked. */
  found(page: Page): void;
}

/** What is known about a rendering. */
export interface Rendering {
  readonly outcome: Promise<PageOutcome>;
  /** What those who wait for it are told. It settles no later than `outcome`, and earlier if the store does not answer. */
  readonly shared: Promise<PageOutcome>;
  /** Whether its page was purged since its request came in, as far as is known. */
  readonly isOutdated: boolean;
}

/** The lead of a request for which nobody waits. */
export const NOBODY_WAITS: Lead = { isAlone: true, render() {}, giveUp() {}, close() {}, found() {} };

interface Place {
  readonly outcome: Promise<PageOutcome>;
  /** `undefined` until the handler is called. */
  rendering: Rendering | undefined;
  /** On the clock of the process, in milliseconds. */
  readonly begun: number;
}

/**
 * Renders a page once, however many requests ask for it at the same time. Later requests wait, and get the same page (RFC 9111, section 4,
 * "collapsed requests").
 *
 * A page is handed on only once it is stored. By then the store has asked the journal, after everybody who waits had come: nobody joins once the
 * page is complete. So nobody gets a page that was purged before they asked.
 */
@Injectable()
export class Coalescing {
  readonly #places = new Map<string, Place>();
  /** Until when each address is known to be no page. */
  readonly #alone = new Map<string, number>();

  /**
   * Waits for the page if somebody is rendering it.
   *
   * @returns the page; or the lead, when the caller has to render
   */
  join(key: string): Lead | Promise<Page | Lead> {
    // Usually nobody else asks.
    return this.isAlone(key) || this.#places.has(key) ? this.wait(key) : this.begin(key);
  }

  private async wait(key: string): Promise<Page | Lead> {
    const end = performance.now() + PATIENCE;
    let isCurrent = true;
    let hasWaited = false;
    while (!this.isAlone(key)) {
      const place = this.#places.get(key);
      if (!place || place.rendering?.isOutdated) {
        if (isCurrent) return this.begin(key);
        break;
      }
      const outcome = await this.outcomeOf(place, end);
      if (outcome?.stored) return outcome.page;
      hasWaited = outcome?.reason === 'store-down';
      // What the caller renders is outdated, too: middleware read data before the purge. A later request may have begun another rendering.
      if (outcome && isOutdated(outcome)) isCurrent = false;
      // The visitor has left. One of those who wait begins anew, and the others wait for that rendering.
      else if (outcome?.reason !== 'aborted') break;
    }
    return { ...this.leadOf((outcome) => this.note(key, outcome)), hasWaited };
  }

  /** Like `join`, for a request whose response cannot be stored. */
  async follow(key: string): Promise<Page | undefined> {
    const place = this.#places.get(key);
    const outcome = place && (await this.outcomeOf(place, Infinity));
    return outcome?.stored ? outcome.page : undefined;
  }

  private async outcomeOf({ outcome, begun }: Place, end: number): Promise<PageOutcome | undefined> {
    const left = Math.min(end, begun + PATIENCE) - performance.now();
    return left > 0 ? inTime(outcome, left) : undefined;
  }

  private begin(key: string): Lead {
    let settle!: (outcome: PageOutcome) => void;
    const outcome = new Promise<PageOutcome>((resolve) => (settle = resolve));
    const place: Place = { outcome, rendering: undefined, begun: performance.now() };
    this.#places.set(key, place);
    const close = () => {
      if (this.#places.get(key) === place) this.#places.delete(key);
    };
    const end = (reached: PageOutcome) => {
      close();
      this.note(key, reached);
      settle(reached);
    };
    return this.leadOf(end, place, close);
  }

  private leadOf(settle: (outcome: PageOutcome) => void, place?: Place, close = () => {}): Lead {
    return {
      isAlone: place === undefined,
      close,
      found: (page) => settle({ stored: true, page }),
      render: (rendering) => {
        if (place) place.rendering = rendering;
        void rendering.shared.then(settle);
      },
      giveUp: (reason) => settle({ stored: false, reason }),
    };
  }

  private note(key: string, outcome: PageOutcome): void {
    this.#alone.delete(key);
    if (mayBecomePage(outcome)) return;
    this.#alone.set(key, performance.now() + ALONE);
    dropOldest(this.#alone, MAX_ALONE);
  }

  private isAlone(key: string): boolean {
    return (this.#alone.get(key) ?? 0) > performance.now();
  }
}

/** Reasons that say nothing about the page: its visitor left, the store was late, or the application is ending. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set(['aborted', 'store-down', 'shutdown']);

/** Whether the next rendering may be stored, although this one was not. */
export function mayBecomePage(outcome: PageOutcome): boolean {
  return outcome.stored || isOutdated(outcome) || OF_THE_MOMENT.has(outcome.reason);
}
