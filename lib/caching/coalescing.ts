import { Injectable } from '@nestjs/common';
import { dropOldest } from '../async/drop-oldest.js';
import { inTime } from '../async/in-time.js';
import type { Page } from '../page/page.js';
import { isOutdated, type PageOutcome } from './page-rendering.js';

/** So long others wait for a rendering, in milliseconds from its beginning, as nginx does (`proxy_cache_lock_timeout`). */
const PATIENCE = 5000;
/** So long nobody waits for a page that was none, in milliseconds. */
const ALONE = 10_000;
/** So many addresses are remembered that are no pages. */
const MAX_ALONE = 1000;

/** A rendering for which others may wait. Who has it either says what renders it, or that nothing does. */
export interface Lead {
  /** Whether nobody should wait: the last rendering was no page, or has taken too long. */
  readonly isAlone: boolean;
  /** Whether the visitor has waited in vain for a page that the store was too late for. */
  readonly hasWaited?: boolean;
  render(rendering: Rendering): void;
  /** There will be no page. */
  giveUp(reason: string): void;
  /** Nobody waits for it from now on but those who do already. */
  close(): void;
  /** Somebody else has stored the page. It was read after `close()`, so that nobody gets a page that was purged before he came. */
  found(page: Page): void;
}

/** What is known of a rendering. */
export interface Rendering {
  readonly outcome: Promise<PageOutcome>;
  /** What those who wait for it are told: not later than that, and earlier if the store does not answer. */
  readonly shared: Promise<PageOutcome>;
  /** Whether its page was purged since its request came in, as far as that is known. */
  readonly isOutdated: boolean;
}

/** Of a request for which nobody waits. */
export const NOBODY_WAITS: Lead = { isAlone: true, render() {}, giveUp() {}, close() {}, found() {} };

interface Place {
  readonly outcome: Promise<PageOutcome>;
  /** `undefined` until the handler is called. */
  rendering: Rendering | undefined;
  /** On the clock of the process, in milliseconds. */
  readonly begun: number;
}

/**
 * Renders a page once, however many ask for it at the same time: who comes later waits, and gets the same page (RFC 9111, section 4,
 * "collapsed requests").
 *
 * A page is handed on only once it is stored. The store has asked the journal by then, which was after everybody who waits had come. So
 * nobody gets a page that was purged before he asked.
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
    // Most often nobody else asks.
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
      // What the caller renders is as outdated, since middleware has read data before the purge. Somebody who has come later may have begun.
      if (outcome && isOutdated(outcome)) isCurrent = false;
      // The visitor has left. One of those who wait begins anew, and the others wait for that.
      else if (outcome?.reason !== 'aborted') break;
    }
    return { ...this.leadOf((outcome) => this.note(key, outcome)), hasWaited };
  }

  /** As `join`, for a request whose response cannot be stored. */
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

/** Neither a visitor who has left nor a store that was late says anything of the page, nor does an application that ends. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set(['aborted', 'store-down', 'shutdown']);

/** Whether the next rendering may be stored, although this one was not. */
export function mayBecomePage(outcome: PageOutcome): boolean {
  return outcome.stored || isOutdated(outcome) || OF_THE_MOMENT.has(outcome.reason);
}
