import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { memoryStore } from '../../../lib/index.js';
import { PageCacheTypeOrmModule } from '../../../lib/typeorm/index.js';
import { startApplication } from '../../support/applications.js';
import { PurgeLog } from '../../support/purge-log.js';
import { Article, SEED, SQLITE_ENTITIES } from './newsroom.js';
import { outcomeOf, type Outcome } from './outcome.js';

export interface SqliteSide {
  readonly dataSource: DataSource;
  /** Past TypeORM. */
  sql(sql: string): Record<string, unknown>[];
}

export interface SqliteScenario {
  readonly prepare?: (side: SqliteSide) => Promise<unknown>;
  readonly write: (side: SqliteSide) => Promise<unknown>;
  /** How long the write may take, in milliseconds, until it is taken to hang. */
  readonly patience?: number;
}

export interface SqliteComparison {
  readonly control: Outcome;
  readonly withModule: Outcome;
  readonly purged: readonly string[];
}

const TABLES = ['writer', 'topic', 'article', 'article_topics_topic', 'counted'];

/** Does the same twice, once without the module and once with it, each time on a database of its own. */
export async function compareOnSqlite(scenario: SqliteScenario): Promise<SqliteComparison> {
  const control = await run(scenario, false);
  const withModule = await run(scenario, true);
  return { control: control.outcome, withModule: withModule.outcome, purged: withModule.purged };
}

async function run({ prepare, write, patience }: SqliteScenario, isWatched: boolean) {
  const { app } = await startApplication({
    platform: 'express',
    options: { store: memoryStore() },
    imports: [
      TypeOrmModule.forRoot({ type: 'sqljs', entities: SQLITE_ENTITIES, synchronize: true }),
      ...(isWatched ? [PageCacheTypeOrmModule.forFeature(SQLITE_ENTITIES)] : []),
    ],
    providers: [PurgeLog],
    logger: false,
  });
  const dataSource = app.get(DataSource);
  const purges = app.get(PurgeLog);
  const purged: string[] = [];
  const sql = sqljs(dataSource);
  for (const statement of ['PRAGMA foreign_keys = ON', ...SEED]) sql(statement);
  try {
    await dataSource.manager.save(Article, { id: 2, text: 'learned' });
    await prepare?.({ dataSource, sql });
    purges.take();
    const outcome = await outcomeOf(
      () => write({ dataSource, sql }),
      () => Promise.resolve(TABLES.map((table) => sql(`SELECT * FROM ${table} ORDER BY 1, 2`))),
      patience,
    );
    return { outcome, purged };
  } finally {
    await app.close();
    purged.push(...purges.take());
  }
}

/** The database in this process, past TypeORM. */
function sqljs({ driver }: DataSource): SqliteSide['sql'] {
  const { databaseConnection } = driver as unknown as {
    databaseConnection: { exec(sql: string): { columns: string[]; values: unknown[][] }[] };
  };
  return (sql) =>
    databaseConnection
      .exec(sql)
      .flatMap(({ columns, values }) =>
        values.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]]))),
      );
}
