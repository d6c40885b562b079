import type { QueryRunner } from 'typeorm';
import type { BackgroundPurge } from '../purging/background-purge.js';
import type { PageCacheService } from '../module/page-cache.service.js';
import { slices } from '../async/chunks.js';
import { UnderWay } from '../async/under-way.js';
import { ChangedRows, type Stale } from './changed-rows.js';
import type { CommittedState, Read } from './committed-state.js';
import type { OldState } from './old-state.js';
import { ReadPatience } from './read-patience.js';
import type { RowStates } from './row-states.js';

/** How many arguments are passed to one call: the stack limits them. */
const ARGUMENTS = 10_000;

/** The levels of one connection: outside of any transaction, the transaction, its savepoints. */
interface Levels {
  readonly stack: [ChangedRows, ...ChangedRows[]];
  /** Whether a COMMIT is about to be sent, or has not been answered yet. */
  isCommitting: boolean;
  /** What a COMMIT without an answer may have changed, or may still change. */
  inDoubt: ChangedRows | undefined;
  /** The read that comes before the writes of this turn. */
  reading: Promise<void> | undefined;
  /** The purge for what this turn has written outside of any transaction. */
  settling: Promise<void> | undefined;
}

/**
 * Keeps what a transaction changes until the database shows it: after the outermost COMMIT, and never after a ROLLBACK. When a savepoint is
 * rolled back, what it has collected is dropped.
 *
 * No write ever fails because of this class. It rejects only to report that the database has ended the transaction.
 */
export class TransactionPurges {
  readonly #levels = new WeakMap<QueryRunner, Levels>();
  readonly #patience: ReadPatience;
  readonly #settling = new UnderWay();
  /** Whether another connection may read other rows with the same ids: those of another schema. */
  #readsOtherRows = false;

  constructor(
    private readonly pages: PageCacheService,
    private readonly background: BackgroundPurge,
    private readonly oldState: OldState,
    private readonly committed: CommittedState,
    private readonly states: RowStates,
  ) {
    this.#patience = new ReadPatience(committed, (error) => background.report(error));
  }

  /** From now on, nothing is read on another connection. */
  distrustReads(): void {
    if (this.#readsOtherRows || this.oldState === 'before') return;
    this.#readsOtherRows = true;
    this.background.report(
      new Error(
        'The application sets "search_path", so the module cannot read the rows of its schema: from now on, changes purge the tags of their classes.',
      ),
    );
  }

  /** The level to which changes are added now. */
  changed(runner: QueryRunner): ChangedRows {
    const { stack } = this.levelsOf(runner);
    return stack[stack.length - 1] as ChangedRows;
  }

  /**
   * Reads what the writes of this turn replace, on their own connection.
   *
   * @throws when the database has given up the transaction meanwhile
   */
  beforeWrite(runner: QueryRunner): Promise<void> {
    const levels = this.levelsOf(runner);
    const rows = this.changed(runner);
    return (levels.reading ??= Promise.resolve().then(async () => {
      levels.reading = undefined;
      await this.readOld(rows, (query) => query(runner), this.isOpen(runner));
    }));
  }

  /** Something has been written. Outside of a transaction, everybody can already see it. */
  async written(runner: QueryRunner): Promise<void> {
    if (this.isOpen(runner)) return;
    const levels = this.levelsOf(runner);
    await (levels.settling ??= Promise.resolve().then(async () => {
      levels.settling = undefined;
      const [rows] = levels.stack;
      levels.stack[0] = new ChangedRows();
      await this.settle(rows);
    }));
  }

  started(runner: QueryRunner): void {
    this.levelsOf(runner).stack.push(new ChangedRows());
  }

  /** By now, all rows that the transaction has changed are locked. So their committed state is the one that the transaction replaces. */
  async beforeCommit(runner: QueryRunner): Promise<void> {
    const levels = this.levelsOf(runner);
    if (levels.stack.length > 2) return;
    levels.isCommitting = true;
    if (this.oldState === 'beside' && !this.#readsOtherRows) await this.readOld(this.changed(runner), undefined, false);
  }

  async afterCommit(runner: QueryRunner): Promise<void> {
    const levels = this.levelsOf(runner);
    let inDoubt: ChangedRows | undefined;
    if (levels.stack.length <= 2) {
      levels.isCommitting = false;
      ({ inDoubt } = levels);
      levels.inDoubt = undefined;
    }
    // A transaction that began before the application watched has no level of its own.
    const ended = levels.stack.length > 1 ? (levels.stack.pop() as ChangedRows) : undefined;
    // The connection has also answered an earlier COMMIT by now.
    if (inDoubt && inDoubt !== ended) await this.settle(inDoubt);
    if (this.isOpen(runner)) this.changed(runner).merge(ended ?? new ChangedRows());
    else if (ended) await this.settle(ended);
  }

  /**
   * A COMMIT that was sent but not acknowledged may have happened, so its pages are purged as well. It may also happen later: when the
   * database has taken its time, or when the application sends it again. So its rows are kept.
   */
  async unanswered(runner: QueryRunner): Promise<void> {
    const levels = this.levelsOf(runner);
    if (!levels.isCommitting) return;
    levels.isCommitting = false;
    const rows = levels.stack[1];
    if (!rows) return;
    levels.inDoubt = rows;
    await this.settle(rows);
  }

  /** Called before the answer to the ROLLBACK, which never comes if the database has rolled back by itself. */
  async rollingBack(runner: QueryRunner): Promise<void> {
    const { stack } = this.levelsOf(runner);
    const unanswered = stack.length === 2 ? this.unanswered(runner) : undefined;
    if (stack.length > 1) stack.pop();
    await unanswered;
  }

  /**
   * The connection answers one statement after the other: with the answer to the ROLLBACK, a COMMIT that it had not answered has happened or failed.
   *
   * @param isAnswered `false` when the driver has not waited for this answer either
   */
  async rolledBack(runner: QueryRunner, isAnswered: boolean): Promise<void> {
    const levels = this.levelsOf(runner);
    const { inDoubt } = levels;
    if (isAnswered) levels.inDoubt = undefined;
    if (inDoubt) await this.settle(inDoubt);
  }

  /** Resolves when everything written until now has been read. Its purges have begun by then. */
  async settled(): Promise<void> {
    await Promise.all([this.#settling.settled(), this.#patience.settled()]);
  }

  private isOpen(runner: QueryRunner): boolean {
    return this.levelsOf(runner).stack.length > 1;
  }

  /** @param read reads what only this connection shows */
  private async readOld(rows: ChangedRows, read: Read | undefined, isInTransaction: boolean): Promise<void> {
    if (rows.isEmpty) return;
    let ended: { error: unknown } | undefined;
    await this.#patience.wait(async (signal) => {
      try {
        await this.states.addOld(rows, this.guarded(read, signal), signal, ({ isWritten }) => !read || !isWritten);
      } catch (error) {
        if (isInTransaction) ended = { error };
        else this.background.report(error);
      }
      return rows;
    });
    if (ended) throw ended.error;
  }

  /** A read that comes too late would see the state after the write. */
  private guarded(read: Read | undefined, signal: AbortSignal): Read {
    return async (query) => {
      const result = await (read ? read(query) : this.committed.read(query, signal));
      signal.throwIfAborted();
      return result;
    };
  }

  private async settle(rows: ChangedRows): Promise<void> {
    if (!rows.isEmpty) await this.#settling.add(this.purgeChanged(rows));
  }

  private async purgeChanged(rows: ChangedRows): Promise<void> {
    rows.addStale({ tags: this.states.unreadTags(rows) });
    const current = this.#readsOtherRows ? undefined : await this.current(rows);
    rows.addStale(current ?? { tags: this.states.allTags(rows) });
    await this.purge(rows);
  }

  private current(rows: ChangedRows): Promise<Stale | undefined> {
    return this.#patience.wait(
      (signal) => this.states.current(rows, (query) => this.committed.read(query, signal), signal),
      (late) => this.purge(late),
    );
  }

  private async purge({ paths, tags }: Stale): Promise<void> {
    const all = [...new Set(tags)];
    await this.background.run(
      undefined,
      ...slices([...paths], ARGUMENTS).map((some) => () => this.pages.purge(...some)),
      async () => {
        if (all.length > 0) await this.pages.purgeTags(...all);
      },
    );
  }

  private levelsOf(runner: QueryRunner): Levels {
    let levels = this.#levels.get(runner);
    if (!levels) {
      levels = {
        stack: [new ChangedRows()],
        isCommitting: false,
        inDoubt: undefined,
        reading: undefined,
        settling: undefined,
      };
      this.#levels.set(runner, levels);
    }
    return levels;
  }
}
