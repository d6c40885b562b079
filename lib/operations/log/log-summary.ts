import type { Access } from '../../nginx/access-log.js';
import { reasonOf } from '../../reasons/reasons.js';
import { flat } from '../flat.js';
import { isHit, outcomeOf } from '../outcome.js';

/** How many addresses are counted one by one: a log may name millions. */
const MAX_ADDRESSES = 50_000;

/** How long all of them may be together: visitors may send addresses of many kilobytes. */
const MAX_CHARACTERS = 10_000_000;

/** How many outcomes are counted one by one: a listener may put values into its reasons. */
const MAX_OUTCOMES = 1000;

const OTHER = 'other reasons';

/** The `User-Agent` of `nginx-cache doctor`. Its requests are not those of visitors, and many of them are for addresses that it has made up. */
export const DOCTOR = 'nginx-cache-doctor';

/** Outcomes that are not reasons. */
const OWN: Readonly<Record<string, string>> = {
  stored: 'rendered, and stored for the next one',
  collapsed: 'answered with the page of another visitor who had asked at the same time',
  'no Cache-Status': 'not from a handler of Nest, or of another site',
};

/** What `nginx-cache log` shows. */
export interface LogSummary {
  /** How many GET and HEAD requests: no other request can be a hit. */
  readonly requests: number;
  /** How many of them nginx answered from the cache, and how many the application did. */
  readonly hits: { readonly nginx: number; readonly application: number };
  /** The share of hits among the requests, from 0 to 1. */
  readonly hitRatio: number;
  /** Copies that were sent after their page had ended, or instead of an error. */
  readonly staleCopies: number;
  /** What became of the rest: `stored`, or a reason. The most frequent first. */
  readonly outcomes: readonly {
    readonly outcome: string;
    readonly count: number;
    readonly why?: string;
    readonly cure?: string;
  }[];
  /** In milliseconds. The slowest come first. */
  readonly slowest: readonly { readonly target: string; readonly waited: number; readonly outcome: string }[];
  /** Addresses that were asked for twice or more, and never were a hit or stored. The most wanted come first. */
  readonly neverCached: readonly {
    readonly target: string;
    readonly count: number;
    readonly outcome: string;
    readonly cure?: string;
  }[];
  /** Requests of `nginx-cache doctor`, which are not counted otherwise. */
  readonly ofDoctor: number;
  /** Lines in another format. */
  readonly unreadable: number;
}

interface Address {
  readonly target: string;
  count: number;
  isCached: boolean;
  outcome: string;
  waited: number;
}

/** Adds up the lines of an access log. */
export class LogReader {
  #requests = 0;
  #nginx = 0;
  #application = 0;
  #staleCopies = 0;
  #ofDoctor = 0;
  #unreadable = 0;
  readonly #outcomes = new Map<string, { readonly outcome: string; count: number }>();
  readonly #addresses = new Map<string, Address>();
  #characters = 0;

  /** @param access `undefined` for a line that could not be read */
  add(access: Access | undefined): void {
    if (!access) {
      this.#unreadable += 1;
      return;
    }
    if (access.method !== 'GET' && access.method !== 'HEAD') return;
    if (access.agent === DOCTOR) this.#ofDoctor += 1;
    else this.count(access.target, outcomeOf(access.cacheStatus), access.waited);
  }

  /**
   * Adds a GET or a HEAD.
   *
   * @param outcome as `outcomeOf()` returns it
   * @param waited the wait in milliseconds
   */
  count(target: string, outcome: string, waited: number): void {
    this.#requests += 1;
    if (outcome === 'nginx hit') this.#nginx += 1;
    else if (outcome === 'hit') this.#application += 1;
    else if (outcome === 'stale copy') this.#staleCopies += 1;
    else return this.remember(target, this.countOutcome(outcome), waited);
    this.remember(target, outcome, waited);
  }

  /** @param top how many entries of each list */
  summary(top: number): LogSummary {
    const hits = this.#nginx + this.#application;
    return {
      requests: this.#requests,
      hits: { nginx: this.#nginx, application: this.#application },
      hitRatio: this.#requests === 0 ? 0 : hits / this.#requests,
      staleCopies: this.#staleCopies,
      outcomes: [...this.#outcomes.values()]
        .sort((a, b) => b.count - a.count)
        .slice(0, top)
        .map(({ outcome, count }) => ({ outcome, count, ...whyOf(outcome), ...cureOf(outcome) })),
      slowest: largest(this.#addresses.values(), top, ({ waited }) => waited, 0).map(({ target, waited, outcome }) => ({
        target,
        waited,
        outcome,
      })),
      neverCached: largest(this.#addresses.values(), top, ({ count, isCached }) => (isCached ? 0 : count), 1).map(
        ({ target, count, outcome }) => ({ target, count, outcome, ...cureOf(outcome) }),
      ),
      ofDoctor: this.#ofDoctor,
      unreadable: this.#unreadable,
    };
  }

  /** @returns the outcome as it is to be kept */
  private countOutcome(given: string): string {
    let counted = this.#outcomes.get(given);
    if (!counted) {
      const outcome = this.#outcomes.size < MAX_OUTCOMES ? flat(given) : OTHER;
      counted = this.#outcomes.get(outcome) ?? { outcome, count: 0 };
      this.#outcomes.set(outcome, counted);
    }
    counted.count += 1;
    return counted.outcome;
  }

  private remember(target: string, outcome: string, waited: number): void {
    const address = this.#addresses.get(target);
    const isServed = isHit(outcome) || outcome === 'stale copy';
    const isCached = isServed || outcome === 'stored' || outcome === 'collapsed';
    if (!address) {
      if (this.#addresses.size >= MAX_ADDRESSES || this.#characters + target.length > MAX_CHARACTERS) return;
      this.#characters += target.length;
      // The line that it is from must not stay in memory.
      const own = flat(target);
      this.#addresses.set(own, { target: own, count: 1, isCached, outcome, waited: isServed ? 0 : waited });
      return;
    }
    address.count += 1;
    address.isCached ||= isCached;
    if (isServed) return;
    address.outcome = outcome;
    address.waited = Math.max(address.waited, waited);
  }
}

/**
 * Those with the largest values, the largest first. The application does this for each open dashboard every two seconds, and sorting all addresses
 * would keep its visitors waiting.
 *
 * @param over only values over this count
 */
function largest<T>(items: Iterable<T>, top: number, valueOf: (item: T) => number, over: number): T[] {
  if (top === 0) return [];
  let least = over;
  let kept: T[] = [];
  const cut = () => {
    kept = kept.sort((a, b) => valueOf(b) - valueOf(a)).slice(0, top);
  };
  for (const item of items) {
    if (valueOf(item) <= least) continue;
    kept.push(item);
    if (kept.length < 2 * top) continue;
    cut();
    least = valueOf(kept.at(-1)!);
  }
  cut();
  return kept;
}

function whyOf(outcome: string): { readonly why?: string } {
  const why = OWN[outcome] ?? reasonOf(outcome)?.why;
  return why === undefined ? {} : { why };
}

function cureOf(outcome: string): { readonly cure?: string } {
  const cure = reasonOf(outcome)?.cure;
  return cure === undefined ? {} : { cure };
}
