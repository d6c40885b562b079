import type { QueryRunner } from 'typeorm';
import type { BackgroundPurge } from '../purging/background-purge.js';
import type { PageCacheService } from '../module/page-cache.service.js';
import { slices } from '../async/chunks.js';

/** A function takes only so many arguments as there is room for on the stack. */
const ARGUMENTS = 10_000;

/** What one level of a transaction has made stale. */
class Stale {
  readonly paths = new Set<string>();
  readonly tags = new Set<string>();

  add({ paths, tags }: { paths?: Iterable<string>; tags?: Iterable<string> }): void {
    for (const path of paths ?? []) this.paths.add(path);
    for (const tag of tags ?? []) this.tags.add(tag);
  }
}

/** The levels of one connection: outside any transaction, the transaction, its savepoints. */
interface Levels {
  readonly stack: [Stale, ...Stale[]];
  /** A COMMIT has been sent and not yet answered. */
  committing: boolean;
}

/**
 * Keeps what is stale until the database shows it: until the outermost COMMIT, and not at all after a ROLLBACK. What a savepoint has
 * collected goes with it.
 */
export class TransactionPurges {
  readonly #levels = new WeakMap<QueryRunner, Levels>();

  constructor(
    private readonly pages: PageCacheService,
    private readonly background: BackgroundPurge,
  ) {}

  /** Where what changes now is to be added, also when it is known later. */
  level(runner: QueryRunner): Stale {
    const { stack } = this.levelsOf(runner);
    return stack[stack.length - 1] as Stale;
  }

  started(runner: QueryRunner): void {
    this.levelsOf(runner).stack.push(new Stale());
  }

  committing(runner: QueryRunner): void {
    this.levelsOf(runner).committing = true;
  }

  async committed(runner: QueryRunner): Promise<void> {
    const levels = this.levelsOf(runner);
    levels.committing = false;
    // A transaction that had begun before the application watched has no level of its own.
    const ended = levels.stack.length > 1 ? (levels.stack.pop() as Stale) : new Stale();
    this.level(runner).add(ended);
    await this.written(runner);
  }

  /** A commit that was sent and not acknowledged may have happened: whoever knows less must purge more. */
  async rollingBack(runner: QueryRunner): Promise<void> {
    const { stack, committing } = this.levelsOf(runner);
    const [, transaction, savepoint] = stack;
    if (committing && transaction && !savepoint) await this.purge(transaction);
  }

  rolledBack(runner: QueryRunner): void {
    const levels = this.levelsOf(runner);
    levels.committing = false;
    if (levels.stack.length > 1) levels.stack.pop();
  }

  /** Something has been written: what belongs to no transaction is seen by everybody already. */
  async written(runner: QueryRunner): Promise<void> {
    const { stack } = this.levelsOf(runner);
    const [stale] = stack;
    stack[0] = new Stale();
    await this.purge(stale);
  }

  private async purge({ paths, tags }: Stale): Promise<void> {
    await this.background.run(
      undefined,
      ...slices([...paths], ARGUMENTS).map((some) => () => this.pages.purge(...some)),
      async () => {
        if (tags.size > 0) await this.pages.purgeTags(...tags);
      },
    );
  }

  private levelsOf(runner: QueryRunner): Levels {
    let levels = this.#levels.get(runner);
    if (!levels) this.#levels.set(runner, (levels = { stack: [new Stale()], committing: false }));
    return levels;
  }
}
