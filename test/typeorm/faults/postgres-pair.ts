import { setTimeout as sleep } from 'node:timers/promises';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { memoryStore } from '../../../lib/index.js';
import { PageCacheTypeOrmModule } from '../../../lib/typeorm/index.js';
import { startApplication } from '../../support/applications.js';
import { PostgresServer } from '../../support/postgres-server.js';
import { PurgeLog } from '../../support/purge-log.js';
import { Article, CLUB_SEED, POSTGRES_ENTITIES, SEED } from './newsroom.js';
import { outcomeOf, type Outcome } from './outcome.js';

/** The application and its database. */
export interface Side {
  readonly dataSource: DataSource;
  /** As the superuser, on a connection of its own. */
  sql<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Ends all sessions of the application that are in such a state. */
  killSessions(where?: string): Promise<void>;
  /** A second connection of the superuser, e.g. to hold locks. */
  connect(): Promise<Client>;
  /** To be done when the application has been closed. */
  atEnd(action: () => Promise<void>): void;
}

export interface Scenario {
  /** SQL that the superuser runs before. */
  readonly before?: readonly string[];
  /** Of the application's data source: a pool, timeouts, another address. */
  readonly options?: object | ((url: string) => Promise<object>);
  /** Before the write, with the application running. Defaults to one save, by which the module learns which relations it needs. */
  readonly prepare?: (side: Side) => Promise<unknown>;
  readonly write: (side: Side) => Promise<unknown>;
  /** How long the write may take, in milliseconds, until it is taken to hang. */
  readonly patience?: number;
}

export interface Comparison {
  readonly control: Outcome;
  readonly withModule: Outcome;
  /** Until the application was closed. */
  readonly purged: readonly string[];
}

/** In milliseconds. What a server that is gone has said has arrived by then: otherwise it is chance whether the pool still hands out a dead connection. */
export const NOTICED = 20;

const TABLES = ['writer', 'topic', 'article', 'article_topics_topic', 'counted', 'club', 'membership'];

/** Does the same twice, once without the module and once with it. */
export class PostgresPair {
  private constructor(
    private readonly postgres: PostgresServer,
    /** Of the superuser. */
    private readonly client: Client,
    private readonly url: string,
    private readonly tables: string,
  ) {}

  static async start(options?: Parameters<typeof PostgresServer.start>[0]): Promise<PostgresPair> {
    const postgres = await PostgresServer.start(options);
    const url = await postgres.createDatabase();
    const dataSource = new DataSource({ type: 'postgres', url, entities: POSTGRES_ENTITIES });
    await dataSource.initialize();
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    await dataSource.destroy();
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query('CREATE ROLE app LOGIN');
    const tables = [...upQueries.map(({ query }) => query), ...SEED, ...CLUB_SEED].join(';');
    return new PostgresPair(postgres, client, url, tables);
  }

  async compare(scenario: Scenario): Promise<Comparison> {
    const control = await this.#run(scenario, false);
    const withModule = await this.#run(scenario, true);
    return { control: control.outcome, withModule: withModule.outcome, purged: withModule.purged };
  }

  async stop(): Promise<void> {
    await this.client.end();
    await this.postgres.stop();
  }

  async #run({ before = [], options = {}, prepare = learn, write, patience }: Scenario, isWatched: boolean) {
    const sql: Side['sql'] = async (text, values) => (await this.client.query(text, values)).rows as never;
    await sql(`
      SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'app';
      DROP SCHEMA public CASCADE; CREATE SCHEMA public; ${this.tables}; GRANT ALL ON SCHEMA public TO app;
      GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app`);
    for (const statement of before) await sql(statement);
    const { url } = this;
    const appUrl = url.replace('//postgres@', '//app@');
    const given = typeof options === 'function' ? await options(appUrl) : options;
    const { app } = await startApplication({
      platform: 'express',
      options: { store: memoryStore() },
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: appUrl,
          entities: POSTGRES_ENTITIES,
          logger: 'advanced-console',
          logging: false,
          ...given,
        }),
        ...(isWatched ? [PageCacheTypeOrmModule.forFeature(POSTGRES_ENTITIES)] : []),
      ],
      providers: [PurgeLog],
      logger: false,
    });
    const dataSource = app.get(DataSource);
    const purges = app.get(PurgeLog);
    const purged: string[] = [];
    const ends: (() => Promise<void>)[] = [];
    const side: Side = {
      dataSource,
      sql,
      async killSessions(where = 'true') {
        for (let killed = 0; killed === 0;) {
          const sessions = await sql(
            `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'app' AND ${where}`,
          );
          killed = sessions.length;
        }
        await sleep(NOTICED);
      },
      async connect() {
        const client = new Client({ connectionString: url });
        await client.connect();
        return client;
      },
      atEnd: (action) => void ends.push(action),
    };
    try {
      await prepare(side);
      purges.take();
      const outcome = await outcomeOf(
        () => write(side),
        async () => {
          const rows: [string, unknown][] = [];
          for (const table of TABLES) rows.push([table, await sql(`SELECT * FROM "${table}" ORDER BY 1, 2`)]);
          return Object.fromEntries(rows);
        },
        patience,
      );
      return { outcome, purged };
    } finally {
      // What hangs holds its connection.
      await Promise.race([app.close(), sleep(5000, undefined, { ref: false })]);
      purged.push(...purges.take());
      for (const action of ends) await action();
    }
  }
}

/** The module learns which relations `dependentPaths()` reads when it first does. */
async function learn({ dataSource: { manager } }: Side): Promise<void> {
  const article = await manager.findOneByOrFail(Article, { slug: 'z' });
  await manager.save(Object.assign(article, { text: 'learned' }));
}
