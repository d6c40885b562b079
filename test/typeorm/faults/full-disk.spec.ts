import { afterAll, beforeAll, expect, it } from 'vitest';
import { Article } from './newsroom.js';
import { expectSame } from './pair.js';
import { PostgresPair } from './postgres-pair.js';
import { rename, WRITES } from './writes.js';

/** More than the tables of PostgreSQL itself have. */
const LARGEST_FILE = 2_000_000;

let pair: PostgresPair;
beforeAll(async () => {
  pair = await PostgresPair.start({ maxFileBytes: LARGEST_FILE });
});
afterAll(() => pair?.stop());

/** Fills the table of articles, until PostgreSQL cannot make it larger. */
const FULL = [
  'ALTER TABLE article ALTER COLUMN text SET STORAGE PLAIN',
  `DO $$
   BEGIN
     FOR n IN 1..10000 LOOP
       BEGIN
         INSERT INTO article (id, slug, text) SELECT 1000 + n, 'filler' || n, repeat(md5(n::text), 200);
       EXCEPTION WHEN OTHERS THEN
         EXIT;
       END;
     END LOOP;
   END $$`,
];
const large = 'x'.repeat(6000);

it('a new article that does not fit', async () => {
  const { control, withModule, purged } = await pair.compare({
    before: FULL,
    write: ({ dataSource: { manager } }) => manager.save(manager.create(Article, { slug: 'n', text: large })),
  });
  expect(withModule).toEqual(control);
  expect(control).toMatchObject({
    result: { error: expect.stringMatching(/could not (extend|write)/) },
    isChanged: false,
  });
  expect(purged).toEqual([]);
});

it('a transaction that fails in the end', async () => {
  const { control, withModule, purged } = await pair.compare({
    before: FULL,
    write: ({ dataSource }) =>
      dataSource.transaction(async (manager) => {
        await rename({ dataSource: { manager } as never });
        await manager.insert(Article, { slug: 'n', text: large });
      }),
  });
  expect(withModule).toEqual(control);
  expect(control).toMatchObject({
    result: { error: expect.stringMatching(/could not (extend|write)/) },
    isChanged: false,
  });
  expect(purged).toEqual([]);
});

it.each(WRITES)('%s', async (_, write, stale) => {
  expectSame(await pair.compare({ before: FULL, write }), stale);
});

/** For the application, what reads the table has to put more into a temporary file than there is room for. */
const ROOM_NEEDED = [
  'ALTER TABLE topic RENAME TO topic_itself',
  `CREATE VIEW topic AS SELECT topic_itself.* FROM topic_itself, (
     SELECT count(*) AS n FROM (
       SELECT md5(n::text) FROM generate_series(1, CASE current_user WHEN 'app' THEN 200000 ELSE 1 END) n ORDER BY 1
     ) sorted
   ) counted WHERE n > 0`,
  'GRANT ALL ON topic TO app',
];

it.each(WRITES)('%s, with a relation that cannot be read any more', async (_, write, stale) => {
  expectSame(
    await pair.compare({
      prepare: async ({ sql }) => {
        for (const statement of ROOM_NEEDED) await sql(statement);
      },
      write,
    }),
    stale,
  );
});
