import { asNobody } from '../async/as-nobody.js';
import { inTime } from '../async/in-time.js';
import type { CommittedState } from './committed-state.js';

/** How long to wait for a connection, for one from a pool that is exhausted by writes that wait for us, and for everything. In milliseconds. */
const CONNECTION = 300;
const CROWDED = 30;
const EVERYTHING = 1000;

const TURNS = 5;

/** After a wait in vain, nobody waits for this long, or until the awaited read has ended. In milliseconds. */
const AFTERWARDS = 1000;

/** Lets writes wait for our reads, but not for ever. */
export class ReadPatience {
  readonly #pending = new Set<Promise<unknown>>();
  #until = 0;

  constructor(
    private readonly committed: CommittedState,
    private readonly report: (error: unknown) => void,
  ) {}

  /**
   * @param read runs outside of the caller's async context; what it throws is reported
   * @param onLate gets a result that comes too late; without it, the read is aborted
   * @returns `undefined` when the read fails or takes too long, and when an earlier one has taken too long
   */
  async wait<T extends object>(
    read: (signal: AbortSignal) => Promise<T>,
    onLate?: (result: T) => Promise<void>,
  ): Promise<T | undefined> {
    if (performance.now() < this.#until) return undefined;
    const abort = new AbortController();
    const reading = this.answered(asNobody(() => read(abort.signal)));
    this.remember(reading);
    const first = this.committed.isCrowded ? CROWDED : CONNECTION;
    const answer = (await inTurns(reading, first)) ?? (await this.more(reading, EVERYTHING - first));
    if (answer) return answer.result;
    this.#until = performance.now() + AFTERWARDS;
    this.report(
      new Error(
        'The database did not give the paths of changed entities in time: purged by the tags of their classes.',
      ),
    );
    void reading.then(() => (this.#until = 0));
    if (onLate) this.remember(reading.then(({ result }) => result && onLate(result)));
    else abort.abort();
    return undefined;
  }

  /** Resolves when the reads that are under way now have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  private async more<T>(reading: Promise<T>, milliseconds: number): Promise<T | undefined> {
    return this.committed.isReachable ? inTurns(reading, milliseconds) : undefined;
  }

  private async answered<T>(reading: Promise<T>): Promise<{ result: T | undefined }> {
    try {
      return { result: await reading };
    } catch (error) {
      this.report(error);
      return { result: undefined };
    }
  }

  /** @param task must not reject */
  private remember(task: Promise<unknown>): void {
    this.#pending.add(task);
    void task.finally(() => this.#pending.delete(task));
  }
}

/** When the process itself is held up, all timers that are due end at once: that costs one turn, and not all. */
async function inTurns<T>(answer: Promise<T>, milliseconds: number): Promise<T | undefined> {
  for (let turn = 0; turn < TURNS; turn += 1) {
    const result = await inTime(answer, milliseconds / TURNS);
    if (result !== undefined) return result;
  }
  return undefined;
}
