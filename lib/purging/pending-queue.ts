import { Logger } from '@nestjs/common';
import { inTime } from '../async/in-time.js';
import { describe, type PurgeScope, sizeOf } from '../stores/journal/purge-scope.js';
import type { StoragePart } from '../stores/storage-part.js';

/** The first and the longest wait between two attempts, in milliseconds. */
const FIRST_DELAY = 100;
const LAST_DELAY = 2000;

/** How many paths, tags and rules are remembered one by one. With more, everything is purged when the store is back. */
const CAPACITY = 1000;
/** The same for a store that cannot list its pages, so that not everything can be purged; more are refused. */
const CAPACITY_WITHOUT_LIST = 100_000;

/** How many purges are repeated together: their entries go to the journal in one step. */
const TOGETHER = 100;

/** How many targets the log names. */
const SHOWN = 20;
/** How long the log says nothing more about waiting purges, in milliseconds: a store may fail now and then. */
const SILENCE = 10_000;

/** The purges that one server has not acknowledged. They are repeated until it has, and until then nothing is stored there. */
export class PendingQueue {
  readonly #logger = new Logger('PageCache');
  /** By their JSON text, in their order. */
  readonly #scopes = new Map<string, PurgeScope>();
  /** The texts of those that are being repeated now. */
  readonly #underWay = new Set<string>();
  /** Those that came while the same one was under way, which may have begun too early for them. */
  readonly #again = new Map<string, PurgeScope>();
  /** How many paths, tags and rules all of them name. */
  #total = 0;
  #timer: NodeJS.Timeout | undefined;
  #delay = FIRST_DELAY;
  #closed = false;
  /** Whether the server has come back while an attempt was under way. */
  #hasReturned = false;
  /** Set only while the next attempt waits for its time. */
  #tryNow: (() => void) | undefined;
  /** Called when all purges are done. */
  readonly #waiting = new Set<() => void>();
  /** How many of the waiting purges that the log has reported are done by now; `undefined` when it has reported none. */
  #made: number | undefined;
  #silentUntil = 0;
  /** Why the last purge is pending. */
  #error: unknown;

  readonly #name: string;

  constructor(private readonly part: Pick<StoragePart, 'journal' | 'lists' | 'onReturn' | 'server'>) {
    this.#name = part.server ?? 'the store';
    // nginx reads what the server still has again: the sooner the purges are done, the better.
    part.onReturn(() => {
      this.#hasReturned = true;
      this.#tryNow?.();
    });
  }

  get size(): number {
    return this.#scopes.size + this.#again.size;
  }

  /**
   * @param purge tries a purge again
   * @param error why the purge is pending
   * @returns whether it will be tried again
   */
  add(scope: PurgeScope, purge: (scope: PurgeScope) => Promise<unknown>, error: unknown): boolean {
    if (this.#closed) return this.refuse('Shutting down', scope);
    this.#error = error;
    if (this.size === 0) this.reportFirst(scope, error);
    const total = this.#total + sizeOf(scope);
    if (total > CAPACITY && this.part.lists) {
      this.clear();
      this.remember({ kind: 'all' });
    } else if (total > CAPACITY_WITHOUT_LIST) {
      return this.refuse('Too many pages wait to be purged: giving up', scope);
    } else this.remember(scope);
    this.hold();
    this.schedule(purge);
    return true;
  }

  /** Waits until the store has acknowledged all purges, but not longer than the given number of milliseconds. */
  async settled(milliseconds: number): Promise<void> {
    if (this.size === 0) return;
    let end = (): void => undefined;
    const settled = new Promise<void>((resolve) => this.#waiting.add((end = resolve)));
    // The next attempt may be far away.
    this.#tryNow?.();
    await inTime(settled, milliseconds);
    this.#waiting.delete(end);
  }

  /** Ends without a report: somebody else repeats the purges that wait here. */
  take(): { readonly scopes: readonly PurgeScope[]; readonly error: unknown } {
    const scopes = this.all();
    this.clear();
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const end of this.#waiting) end();
    return { scopes, error: this.#error };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.size > 0) this.report('Shutting down', this.all());
    this.clear();
  }

  private all(): PurgeScope[] {
    return [...this.#scopes.values(), ...this.#again.values()];
  }

  private clear(): void {
    this.#scopes.clear();
    this.#again.clear();
    this.#total = 0;
  }

  private remember(scope: PurgeScope, text = JSON.stringify(scope)): void {
    const scopes = this.#underWay.has(text) ? this.#again : this.#scopes;
    if (scopes.has(text)) return;
    scopes.set(text, scope);
    this.#total += sizeOf(scope);
  }

  private done(text: string, scope: PurgeScope): void {
    if (this.#made !== undefined) this.#made += sizeOf(scope);
    // After an overflow, another purge may be in its place, and is still to be done.
    if (this.#scopes.get(text) !== scope) return;
    this.#scopes.delete(text);
    this.#total -= sizeOf(scope);
  }

  private reportFirst(scope: PurgeScope, error: unknown): void {
    const now = Date.now();
    if (now < this.#silentUntil) return;
    this.#silentUntil = now + SILENCE;
    this.#made = 0;
    const targets = describe(scope);
    const more = targets.length > SHOWN ? `, and ${targets.length - SHOWN} more` : '';
    this.#logger.warn(
      `${this.name} has not acknowledged a purge (${error instanceof Error ? error.message : String(error)}): ` +
        `${targets.slice(0, SHOWN).join(', ')}${more}. It is repeated until ${this.#name} acknowledges it, like all purges that follow. ` +
        'Until then, nothing is stored there. Reported once.',
    );
  }

  private reportLast(): void {
    if (this.#made === undefined) return;
    this.#logger.warn(
      `${this.name} has acknowledged all purges that were waiting (paths, tags and rules: ${this.#made}).`,
    );
    this.#made = undefined;
  }

  /** The name at the beginning of a sentence. */
  private get name(): string {
    return this.part.server ?? 'The store';
  }

  /** Nothing is stored while a purge waits. */
  private hold(): void {
    this.part.journal.held = this.size > 0;
  }

  private refuse(why: string, scope: PurgeScope): false {
    this.report(why, [scope]);
    return false;
  }

  /** Says which purges are lost. */
  private report(why: string, scopes: readonly PurgeScope[]): void {
    const targets = scopes.flatMap(describe);
    this.#logger.error(
      `${why} with ${targets.length} ${targets.length === 1 ? 'purge' : 'purges'} that ${this.#name} has not acknowledged: ${targets.slice(0, SHOWN).join(', ')}. ` +
        'Those pages may be served until their ttl is over: purge them again.',
    );
  }

  private schedule(purge: (scope: PurgeScope) => Promise<unknown>): void {
    if (this.#timer) return;
    const tryNow = (): void => {
      clearTimeout(this.#timer);
      this.#tryNow = undefined;
      void this.retry(purge);
    };
    this.#tryNow = tryNow;
    this.#timer = setTimeout(tryNow, this.#delay).unref();
  }

  private async retry(purge: (scope: PurgeScope) => Promise<unknown>): Promise<void> {
    this.#hasReturned = false;
    let isDone = true;
    while (isDone && this.size > 0) isDone = await this.repeat(this.first(), purge);
    this.#timer = undefined;
    // Meanwhile, it was logged or taken over.
    if (this.#closed) return;
    if (this.size === 0) {
      this.#delay = FIRST_DELAY;
      this.reportLast();
      for (const end of this.#waiting) end();
      return;
    }
    const isUrgent = this.#hasReturned || this.#waiting.size > 0;
    this.#delay = isUrgent ? FIRST_DELAY : Math.min(this.#delay * 2, LAST_DELAY);
    this.schedule(purge);
  }

  /** The purges that are repeated together, with their texts. */
  private first(): (readonly [string, PurgeScope])[] {
    const first: [string, PurgeScope][] = [];
    for (const entry of this.#scopes) if (first.push(entry) === TOGETHER) break;
    return first;
  }

  /** @returns whether the server has all of them */
  private async repeat(
    scopes: readonly (readonly [string, PurgeScope])[],
    purge: (scope: PurgeScope) => Promise<unknown>,
  ): Promise<boolean> {
    const outcomes = await Promise.allSettled(
      scopes.map(async ([text, scope]) => {
        this.#underWay.add(text);
        await purge(scope);
        this.done(text, scope);
        this.hold();
      }),
    );
    this.#underWay.clear();
    for (const [text, scope] of this.#again) {
      this.#total -= sizeOf(scope);
      this.remember(scope, text);
    }
    this.#again.clear();
    return outcomes.every(({ status }) => status === 'fulfilled');
  }
}
