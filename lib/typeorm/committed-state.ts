import type { DataSource, QueryRunner } from 'typeorm';
import { asNobody } from '../async/as-nobody.js';
import { isCrowded } from './crowded-pool.js';
import { isFile } from './old-state.js';

type Query<T> = (runner: QueryRunner) => Promise<T>;

/** Runs a query on the connection that shows the state in question. */
export type Read = <T>(query: Query<T>) => Promise<T>;

interface WaitingRead {
  readonly query: Query<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * Reads what everybody sees. It reads on a connection that belongs to nobody's transaction, so that none of its reads can fail one, and
 * outside of the caller's async context, which may hold a transaction. It uses one connection at a time, and gives it back as soon as nobody
 * waits for it.
 */
export class CommittedState {
  readonly #waiting: WaitingRead[] = [];
  #isReading = false;
  #isConnected = false;
  #isSerializable: boolean | undefined;

  constructor(private readonly dataSource: DataSource) {}

  /** Whether the database has given us a connection, or has not been asked for one. */
  get isReachable(): boolean {
    return this.#isConnected || !this.#isReading;
  }

  /** Whether a connection is available only when somebody gives one back. */
  get isCrowded(): boolean {
    return !this.#isConnected && isCrowded(this.dataSource);
  }

  /**
   * @param signal when it aborts, a read that has not begun never begins
   * @throws what the database throws
   */
  read<T>(query: Query<T>, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ query, resolve: resolve as (value: unknown) => void, reject, signal });
      if (this.#isReading) return;
      this.#isReading = true;
      void asNobody(() => this.readAll());
    });
  }

  private async readAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.connected((runner) => this.serve(runner));
    this.#isReading = false;
  }

  private async connected(use: (runner: QueryRunner) => Promise<void>): Promise<void> {
    let release = async () => {};
    try {
      const connection = await this.connect();
      ({ release } = connection);
      this.#isConnected = true;
      await use(connection.runner);
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    } finally {
      this.#isConnected = false;
      await release().catch(() => undefined);
    }
  }

  /** Serves reads until nobody waits, or a read fails: the connection may have gone. */
  private async serve(runner: QueryRunner): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const { query, resolve, reject, signal } = next;
      if (signal.aborted) reject(signal.reason);
      else {
        try {
          resolve(await this.outsideSerialization(runner, query));
        } catch (error) {
          return reject(error);
        }
      }
    }
  }

  private async connect(): Promise<{ runner: QueryRunner; release: () => Promise<void> }> {
    const { dataSource } = this;
    if (!dataSource.isInitialized) throw new Error('The data source is closed.');
    const { options } = dataSource;
    if (options.type === 'better-sqlite3' && isFile(options.database)) {
      // There is no pool that somebody could have exhausted.
      this.#isConnected = true;
      return this.second();
    }
    const runner = dataSource.createQueryRunner('master');
    try {
      await runner.connect();
      if (/^(aurora-)?postgres$/.test(options.type)) this.#isSerializable ??= await isSerializable(runner);
    } catch (error) {
      await runner.release().catch(() => undefined);
      throw error;
    }
    return { runner, release: () => runner.release() };
  }

  /** TypeORM has only one connection to an SQLite file, and this connection may be in a transaction. SQLite allows more connections. */
  private async second(): Promise<{ runner: QueryRunner; release: () => Promise<void> }> {
    const driver = this.dataSource.driver as unknown as SqliteDriver;
    const database = await driver.createDatabaseConnection();
    try {
      database.pragma('query_only = ON');
      // Nobody may wait for this read: whoever writes to the database now holds a lock that is about to become a COMMIT.
      database.pragma('busy_timeout = 0');
      const Runner = driver.createQueryRunner('master').constructor as new (driver: unknown) => QueryRunner;
      const runner = new Runner(driver);
      Object.assign(runner, {
        connect: () => Promise.resolve(database),
        manager: this.dataSource.createEntityManager(runner),
      });
      return { runner, release: () => Promise.resolve(database.close()) };
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /**
   * If transactions are serializable by default, a read is such a transaction, and PostgreSQL may fail somebody's write because of it
   * (PostgreSQL, 13.2.3).
   */
  private async outsideSerialization<T>(runner: QueryRunner, query: Query<T>): Promise<T> {
    if (!this.#isSerializable) return query(runner);
    await runner.query('BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY');
    try {
      return await query(runner);
    } finally {
      await runner.query('COMMIT');
    }
  }
}

interface SqliteDriver {
  createDatabaseConnection(): Promise<{ pragma(source: string): unknown; close(): void }>;
  createQueryRunner(mode: 'master'): object;
}

async function isSerializable(runner: QueryRunner): Promise<boolean> {
  const [row] = (await runner.query('SHOW default_transaction_isolation')) as Record<string, string>[];
  return Object.values(row ?? {}).includes('serializable');
}
