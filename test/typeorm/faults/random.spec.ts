import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resultOf } from './outcome.js';
import { NOTICED, PostgresPair, type PostgresSide, SLOWNESS } from './postgres-pair.js';
import { perform, randomTransactions } from './random-writes.js';
import { compareOnSqlite, type SqliteSide } from './sqlite-pair.js';

/** `TYPEORM_TRANSACTIONS=2000 TYPEORM_SEED=1 npx vitest run test/typeorm/faults/random` for more, and for the same again. */
const COUNT = Number(process.env['TYPEORM_TRANSACTIONS'] ?? 400);
const SEED = Number(process.env['TYPEORM_SEED'] ?? randomInt(1_000_000));
const PATIENCE = 20_000 + COUNT * 1000;
const transactions = randomTransactions(SEED, COUNT);

let pair: PostgresPair;
beforeAll(async () => {
  pair = await PostgresPair.start();
});
afterAll(() => pair?.stop());

/** SQL before and after a transaction. */
const POSTGRES_FAULTS: readonly (readonly [string, string])[] = [
  ['REVOKE SELECT ON topic FROM app', 'GRANT SELECT ON topic TO app'],
  ['REVOKE SELECT ON writer FROM app', 'GRANT SELECT ON writer TO app'],
  ['INSERT INTO slowness VALUES (true)', 'DELETE FROM slowness'],
  ['BEGIN; LOCK TABLE topic IN ACCESS EXCLUSIVE MODE', 'ROLLBACK'],
];
/** Ends all sessions before the transaction. */
const KILL = POSTGRES_FAULTS.length;

it(
  `PostgreSQL: ${COUNT} random transactions with faults leave the same rows (seed ${SEED})`,
  { timeout: PATIENCE * 3 },
  async () => {
    const { control, withModule } = await pair.compare({
      before: SLOWNESS,
      options: { extra: { lock_timeout: 50 } },
      patience: PATIENCE,
      async write({ dataSource, sql }: PostgresSide) {
        const kill = async () => {
          await sql(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'app'`);
          await sleep(NOTICED);
        };
        const results: unknown[] = [];
        for (const one of transactions) {
          const [before, after] = POSTGRES_FAULTS[one.fault] ?? ['', ''];
          await sql(before);
          if (one.fault === KILL) await kill();
          const result = await resultOf(() => perform(dataSource, one, kill));
          await sql(after);
          results.push([one.steps.map(({ what }) => what).join(', '), result]);
        }
        return results;
      },
    });
    expect(withModule).toEqual(control);
    expect(control.isChanged).toBe(true);
  },
);

const SQLITE_FAULTS: readonly (readonly [string, string])[] = [
  [
    'ALTER TABLE topic RENAME TO topics_elsewhere; CREATE TABLE topic (one, other)',
    'DROP TABLE topic; ALTER TABLE topics_elsewhere RENAME TO topic',
  ],
  ['PRAGMA max_page_count = 1', 'PRAGMA max_page_count = 1000000'],
];

it(
  `SQLite: ${COUNT} random transactions with faults leave the same rows (seed ${SEED})`,
  { timeout: PATIENCE * 3 },
  async () => {
    const { control, withModule } = await compareOnSqlite({
      patience: PATIENCE,
      async write({ dataSource, sql }: SqliteSide) {
        const results: unknown[] = [];
        for (const one of transactions) {
          const [before, after] = SQLITE_FAULTS[one.fault % 6] ?? ['', ''];
          sql(before);
          // SQLite has no other isolation.
          const kill = () => dataSource.query(`INSERT OR ROLLBACK INTO article (id, slug) VALUES (1, 'a'), (1, 'a')`);
          const result = await resultOf(() => perform(dataSource, one, kill, 'SERIALIZABLE'));
          // What a fault has left open, or the table would come and go with it.
          await resultOf(async () => sql('ROLLBACK'));
          sql(after);
          results.push([one.steps.map(({ what }) => what).join(', '), result]);
        }
        return results;
      },
    });
    expect(withModule).toEqual(control);
    expect(control.isChanged).toBe(true);
  },
);
