import type { DataSource } from 'typeorm';
import { sqljs } from '../support/sqljs.js';
import { SEED, SQLITE_ENTITIES } from './newsroom.js';
import { compare, type Comparison, type Scenario } from './pair.js';

export interface SqliteSide {
  readonly dataSource: DataSource;
  /** Past TypeORM. */
  readonly sql: ReturnType<typeof sqljs>;
}

export type SqliteScenario = Scenario<SqliteSide>;

const TABLES = ['writer', 'topic', 'article', 'article_topics_topic', 'counted'];

/** Does the same twice, once without the module and once with it, each time on a database of its own. */
export function compareOnSqlite(scenario: SqliteScenario): Promise<Comparison> {
  return compare(scenario, async () => ({
    options: { type: 'sqljs', entities: SQLITE_ENTITIES, synchronize: true },
    open(dataSource) {
      const sql = sqljs(dataSource);
      for (const statement of ['PRAGMA foreign_keys = ON', ...SEED]) sql(statement);
      return { dataSource, sql };
    },
    rows: async ({ sql }) => TABLES.map((table) => sql(`SELECT * FROM ${table} ORDER BY 1, 2`)),
  }));
}
