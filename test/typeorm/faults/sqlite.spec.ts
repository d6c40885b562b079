import { describe, expect, it } from 'vitest';
import { Article } from './newsroom.js';
import { type Comparison, expectSame } from './pair.js';
import { compareOnSqlite, type SqliteScenario } from './sqlite-pair.js';
import { rename, WRITES, type Writes } from './writes.js';

async function expectSameWrite(scenario: SqliteScenario, stale: readonly string[]): Promise<Comparison> {
  const comparison = await compareOnSqlite(scenario);
  expectSame(comparison, stale);
  return comparison;
}

const fullDisk: SqliteScenario['prepare'] = async ({ sql }) => {
  const [{ page_count: pages } = {}] = sql('PRAGMA page_count');
  sql(`PRAGMA max_page_count = ${Number(pages)}`);
};
const tooLarge = ({ dataSource: { manager } }: Writes) =>
  manager.save(manager.create(Article, { slug: 'large', text: 'x'.repeat(100_000) }));

/** The database ends the transaction by itself, of which TypeORM learns nothing. */
const REFUSAL = `CREATE TRIGGER refuse BEFORE UPDATE ON article WHEN NEW.slug = 'refused' BEGIN SELECT RAISE(ROLLBACK, 'refused'); END`;

describe.each<[string, SqliteScenario['prepare']]>([
  ['nothing wrong', undefined],
  [
    'a table of a relation that is gone',
    async ({ sql }) => void sql('ALTER TABLE topic RENAME TO topics_elsewhere; CREATE TABLE topic (one, other)'),
  ],
  ['a full disk', fullDisk],
])('%s', (_, prepare) => {
  it.each(WRITES)('%s', async (_, write, stale) => {
    await expectSameWrite({ ...(prepare && { prepare }), write }, stale);
  });
});

describe('a transaction that SQLite rolls back by itself', () => {
  const ways: [string, SqliteScenario['write']][] = [
    ['disk full', tooLarge],
    [
      'disk full in a transaction',
      ({ dataSource }) =>
        dataSource.transaction(async (manager) => {
          await manager.save(Article, { id: 2, text: 'lost' });
          await tooLarge({ dataSource: { manager } as never });
        }),
    ],
    ['RAISE(ROLLBACK) in save()', ({ dataSource: { manager } }) => manager.save(Article, { id: 1, slug: 'refused' })],
    [
      'RAISE(ROLLBACK) in a transaction',
      ({ dataSource }) =>
        dataSource.transaction(async (manager) => {
          await manager.save(Article, { id: 2, text: 'lost' });
          await manager.save(Article, { id: 1, slug: 'refused' });
        }),
    ],
    [
      'RAISE(ROLLBACK) in a nested transaction',
      ({ dataSource }) =>
        dataSource.transaction(async (outer) => {
          await outer.save(Article, { id: 2, text: 'lost' });
          await outer.transaction((inner) => inner.save(Article, { id: 1, slug: 'refused' }));
        }),
    ],
    [
      'INSERT OR ROLLBACK',
      ({ dataSource }) =>
        dataSource.transaction(async (manager) => {
          await manager.save(Article, { id: 2, text: 'lost' });
          await manager.query(`INSERT OR ROLLBACK INTO article (id, slug) VALUES (1, 'again')`);
        }),
    ],
  ];
  const prepare: SqliteScenario['prepare'] = async (side) => {
    side.sql(REFUSAL);
    await fullDisk?.(side);
  };

  it.each(ways)('%s', async (_, write) => {
    const { control } = await expectSameWrite({ prepare, write }, []);
    expect(control).toMatchObject({ result: { error: expect.anything() }, isChanged: false });
  });

  it.each(ways)('%s: what is written afterwards is purged', async (_, write) => {
    const { control } = await expectSameWrite(
      {
        prepare,
        write: async (side) => {
          const error = await write(side).catch(String);
          // What TypeORM 0.3.20 has miscounted: an application needs this, too, to go on.
          const { driver } = side.dataSource as unknown as { driver: { queryRunner?: object } };
          if (driver.queryRunner)
            Object.assign(driver.queryRunner, { transactionDepth: 0, isTransactionActive: false });
          return [error, await rename(side)];
        },
      },
      ['/articles/a', '/articles/b', '/writers/ann', '/topics/x'],
    );
    expect(control.isChanged).toBe(true);
  });
});

it('a read of ours that makes SQLite roll back: nothing of the transaction is written', async () => {
  const { control, withModule, purged } = await compareOnSqlite({
    prepare({ sql }) {
      // While an article is a draft, to read a topic takes more memory than there is.
      sql(`ALTER TABLE topic RENAME TO topic_itself;
           CREATE VIEW topic AS SELECT id, slug || CASE WHEN EXISTS (SELECT 1 FROM article WHERE text = 'draft')
             THEN hex(zeroblob(50000000)) ELSE '' END AS slug FROM topic_itself`);
      // This process keeps it from now on; nothing else here needs as much.
      sql('PRAGMA hard_heap_limit = 50000000');
    },
    write: ({ dataSource }) =>
      dataSource.transaction(async (manager) => {
        await manager.query(`UPDATE article SET text = 'draft' WHERE id = 2`);
        await rename({ dataSource: { manager } as never });
        await manager.query(`UPDATE article SET text = 'ready' WHERE id = 2`);
      }),
  });
  expect(control.isChanged).toBe(true);
  expect(withModule).toMatchObject({ result: { error: expect.stringMatching(/out of memory/) }, isChanged: false });
  expect(purged).toEqual([]);
});
