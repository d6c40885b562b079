import { LogReader, type LogSummary } from '../../operations/log/log-summary.js';
import { type Bucket, type Kind, KINDS, Timeline } from './timeline.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** How many steps of each timeline are shown. */
const STEPS = 120;

const RANGES = { '20 minutes': 10 * SECOND, '4 hours': 2 * MINUTE, '2 days': 24 * MINUTE } as const;

/** Where the figures come from: the log of nginx, or the answers of this process; `none` when nothing is counted. */
export type ActivitySource =
  | { readonly kind: 'log'; readonly file: string }
  | { readonly kind: 'application' }
  | { readonly kind: 'none'; readonly file: string };

/** What the dashboard shows of requests. */
export interface ActivityView {
  readonly source: ActivitySource;
  /** Why the log cannot be read. */
  readonly problem: string | undefined;
  /** When the first and the last counted request came: Unix time in milliseconds. */
  readonly since: number | undefined;
  readonly latest: number | undefined;
  readonly summary: LogSummary;
  readonly kinds: readonly Kind[];
  readonly ranges: readonly { readonly name: string; readonly step: number; readonly buckets: readonly Bucket[] }[];
}

/** Counts the outcomes of requests. */
export class Activity {
  readonly #reader = new LogReader();
  readonly #timelines = Object.entries(RANGES).map(([name, step]) => ({ name, timeline: new Timeline(step, STEPS) }));
  #since: number | undefined;
  #latest: number | undefined;
  /** Why the log cannot be read. */
  problem: string | undefined;

  constructor(readonly source: ActivitySource) {}

  /**
   * @param outcome as `outcomeOf()` returns it
   * @param time Unix time in milliseconds
   * @param waited the wait in milliseconds
   */
  add(target: string, outcome: string, time: number, waited: number): void {
    this.#reader.count(target, outcome, waited);
    this.#since ??= time;
    this.#latest = time;
    for (const { timeline } of this.#timelines) timeline.add(time, kindOf(outcome));
  }

  /** Counts a line of the log that is in another format. */
  addUnreadable(): void {
    this.#reader.add(undefined);
  }

  /** @param top how many entries of each list */
  view(top: number): ActivityView {
    const now = Date.now();
    return {
      source: this.source,
      problem: this.problem,
      since: this.#since,
      latest: this.#latest,
      summary: this.#reader.summary(top),
      kinds: KINDS,
      ranges: this.#timelines.map(({ name, timeline }) => ({
        name,
        step: timeline.step,
        buckets: timeline.until(now),
      })),
    };
  }
}

function kindOf(outcome: string): Kind {
  if (outcome === 'nginx hit') return 'nginx';
  if (outcome === 'hit' || outcome === 'collapsed') return 'application';
  if (outcome === 'stale copy') return 'copy';
  return outcome === 'stored' ? 'stored' : 'other';
}
