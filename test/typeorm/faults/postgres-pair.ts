import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { PostgresServer } from '../../support/postgres-server.js';
import { CLUB_SEED, POSTGRES_ENTITIES, SEED } from './newsroom.js';
import { compare, type Comparison, type Ground, type Scenario } from './pair.js';

/** The application and its database. */
export interface PostgresSide {
  readonly dataSource: DataSource;
  /** As the superuser, on a connection of its own. */
  sql<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Ends all sessions of the application that are in such a state. */
  killSessions(where?: string): Promise<void>;
  /** A second connection of the superuser, e.g. to hold locks. */
  connect(): Promise<Client>;
}

export interface PostgresScenario extends Scenario<PostgresSide> {
  /** SQL that the superuser runs before. */
  readonly before?: readonly string[];
  /** Of the application's data source: a pool, timeouts, another address. */
  readonly options?: object | ((url: string) => Promise<object>);
}

/** In milliseconds. What a server that is gone has said has arrived by then: otherwise it is chance whether the pool still hands out a dead connection. */
export const NOTICED = 20;

/**
 * For the application, to read a topic takes longer than a statement may, while there is a row in `slowness`. The database says so at once: a
 * real timeout would be met by other statements, too, when the machine is busy.
 */
export const SLOWNESS = [
  'CREATE TABLE slowness (is_so boolean)',
  `CREATE FUNCTION in_time() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
   BEGIN
     IF EXISTS (SELECT FROM slowness) THEN
       RAISE 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled';
     END IF;
     RETURN true;
   END $$`,
  'ALTER TABLE topic ENABLE ROW LEVEL SECURITY',
  'CREATE POLICY slowness ON topic USING ((SELECT in_time()))',
];

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

  compare(scenario: PostgresScenario): Promise<Comparison> {
    return compare(scenario, () => this.#ground(scenario));
  }

  async stop(): Promise<void> {
    await this.client.end();
    await this.postgres.stop();
  }

  async #ground({ before = [], options = {} }: PostgresScenario): Promise<Ground<PostgresSide>> {
    const { url } = this;
    const sql: PostgresSide['sql'] = async (text, values) => (await this.client.query(text, values)).rows as never;
    await sql(`
      SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'app';
      DROP SCHEMA public CASCADE; CREATE SCHEMA public; ${this.tables}; GRANT ALL ON SCHEMA public TO app;
      GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app`);
    for (const statement of before) await sql(statement);
    const appUrl = url.replace('//postgres@', '//app@');
    const given = typeof options === 'function' ? await options(appUrl) : options;
    return {
      options: {
        type: 'postgres',
        url: appUrl,
        entities: POSTGRES_ENTITIES,
        logger: 'advanced-console',
        logging: false,
        ...given,
      },
      open: (dataSource) => ({
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
      }),
      async rows() {
        const rows: [string, unknown][] = [];
        for (const table of TABLES) rows.push([table, await sql(`SELECT * FROM "${table}" ORDER BY 1, 2`)]);
        return Object.fromEntries(rows);
      },
    };
  }
}
