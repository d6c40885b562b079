import { createRequire } from 'node:module';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Client } from 'pg';
import { DataSource, type DataSourceOptions, type EntityMetadata } from 'typeorm';
import { memoryStore } from '../../../lib/index.js';
import { PageCacheTypeOrmModule } from '../../../lib/typeorm/index.js';
import { startApplication } from '../../support/applications.js';
import { PostgresServer } from '../../support/postgres-server.js';
import { PurgeLog } from '../../support/purge-log.js';
import { sqljs } from '../support/sqljs.js';
import type { Database, Mapping } from './mapping.js';

/** A page as it would be rendered now. */
interface Page {
  readonly body: string;
  readonly tags: readonly string[];
}

/** All pages of the mapping, by path. */
export type Pages = ReadonlyMap<string, Page>;

export interface Site {
  readonly dataSource: DataSource;
  readonly purges: PurgeLog;
  /** Empties the tables of the mapping, and fills them with what is there before a write. */
  reset(mapping: Mapping): Promise<void>;
  render(mapping: Mapping): Promise<Pages>;
  close(): Promise<void>;
}

/** An application that watches the entities of all mappings, on a database of its own. */
export async function startSite(
  database: Database,
  mappings: readonly Mapping[],
  prepareDataSource: (dataSource: DataSource) => DataSource = (dataSource) => dataSource,
): Promise<Site> {
  const postgres = database === 'postgres' ? await PostgresServer.start() : undefined;
  const url = await postgres?.createDatabase();
  const { app } = await startApplication({
    platform: 'express',
    options: { store: memoryStore() },
    imports: [
      TypeOrmModule.forRootAsync({
        useFactory: () => ({
          ...(url ? { type: 'postgres' as const, url } : { type: 'sqljs' as const }),
          entities: [...new Set(mappings.flatMap(({ entities }) => entities))],
          synchronize: true,
        }),
        dataSourceFactory: (options) =>
          Promise.resolve(prepareDataSource(new DataSource(options as DataSourceOptions))),
      }),
      PageCacheTypeOrmModule.forFeature(mappings.flatMap(({ entities, watched = entities }) => [...watched])),
    ],
    providers: [PurgeLog],
  });
  const dataSource = app.get(DataSource);
  // Off by default in sql.js, on in every other database.
  if (!url) await dataSource.query('PRAGMA foreign_keys = ON');
  const ask = url ? await independentClient(url) : sqljsItself(dataSource);
  for (const sql of mappings.flatMap(({ setup }) => setup?.[database] ?? [])) await ask.rows(sql);
  const purges = app.get(PurgeLog);
  return {
    dataSource,
    purges,
    async reset({ entities, seed }) {
      const tables = dataSource.entityMetadatas
        .filter(({ target }) => isOf(entities, target))
        .flatMap((metadata) => [
          metadata,
          ...metadata.relations.flatMap(({ junctionEntityMetadata }) => junctionEntityMetadata ?? []),
          ...[metadata.closureJunctionTable as EntityMetadata | undefined].flatMap((table) => table ?? []),
        ]);
      await ask.empty([...new Set(tables.map(({ tableName }) => tableName))]);
      for (const [entity, values] of seed)
        await dataSource.manager.save(dataSource.manager.create(entity, { ...values }));
      purges.take();
      purges.failures.length = 0;
    },
    async render({ pages }) {
      const rendered = new Map<string, Page>();
      for (const { path, body, tags } of await ask.rows(pages)) {
        const page = rendered.get(path) ?? { body: '', tags: [] };
        rendered.set(path, { body: `${page.body}\n${body}`, tags: [...page.tags, ...tags.split(',')] });
      }
      return rendered;
    },
    async close() {
      await ask.end();
      await app.close();
      await postgres?.stop();
    },
  };
}

interface Ask {
  rows(sql: string): Promise<{ path: string; body: string; tags: string }[]>;
  empty(tables: readonly string[]): Promise<void>;
  end(): Promise<void>;
}

/** Whether all of this runs with the version of TypeORM that was asked for. */
export function usesChosenTypeOrm(): boolean {
  const chosen: unknown = createRequire(import.meta.url)(process.env['TYPEORM_PACKAGE'] ?? 'typeorm');
  return (chosen as { DataSource: unknown }).DataSource === DataSource;
}

function isOf(entities: readonly unknown[], target: unknown): boolean {
  return entities.includes(target);
}

async function independentClient(url: string): Promise<Ask> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return {
    rows: async (sql) => (await client.query(`${sql} ${sql.includes('AS path') ? 'ORDER BY 1, 2' : ''}`)).rows as never,
    empty: async (tables) => {
      const names = tables.map((table) => `"${table}"`).join();
      await client.query(`TRUNCATE ${names} RESTART IDENTITY CASCADE`);
    },
    end: () => client.end(),
  };
}

function sqljsItself(dataSource: DataSource): Ask {
  const rows = sqljs(dataSource);
  return {
    rows: async (sql) => rows(`${sql} ${sql.includes('AS path') ? 'ORDER BY 1, 2' : ''}`) as never,
    empty: async (tables) => {
      rows('PRAGMA foreign_keys = OFF');
      for (const table of tables) rows(`DELETE FROM "${table}"`);
      rows('PRAGMA foreign_keys = ON');
      rows('DELETE FROM sqlite_sequence');
    },
    end: () => Promise.resolve(),
  };
}
