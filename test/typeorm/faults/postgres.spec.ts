import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { type DataSource, type EntityManager, type EntitySubscriberInterface, EventSubscriber } from 'typeorm';
import { Article, Club, CLUBS, Counted, Membership } from './newsroom.js';
import { type Comparison, expectSame } from './pair.js';
import {
  PostgresPair,
  type PostgresScenario as Scenario,
  type PostgresSide as Side,
  SLOWNESS,
} from './postgres-pair.js';
import { rename, WRITES } from './writes.js';

let pair: PostgresPair;
beforeAll(async () => {
  pair = await PostgresPair.start();
});
afterAll(() => pair?.stop());

const RENAMED = ['/articles/a', '/articles/b', '/writers/ann', '/topics/x'];

async function expectSameWrite(scenario: Scenario, stale: readonly string[], tag?: string): Promise<Comparison> {
  const comparison = await pair.compare(scenario);
  expectSame(comparison, stale, tag);
  return comparison;
}

const nothing = async () => {};

const IS_SLOW = 'INSERT INTO slowness VALUES (true)';

const runs =
  (statements: readonly string[]) =>
  async ({ sql }: Side) => {
    for (const statement of statements) await sql(statement);
  };

/** Somebody else has locked the table of a relation meanwhile. */
const locked = (write: Scenario['write']) => async (side: Side) => {
  const holder = await side.connect();
  await holder.query('BEGIN; LOCK TABLE topic IN ACCESS EXCLUSIVE MODE');
  try {
    return await write(side);
  } finally {
    await holder.end();
  }
};

describe.each<[string, Omit<Scenario, 'write'> & { around?: typeof locked }]>([
  ['nothing wrong', {}],
  ['a statement timeout and a slow relation', { before: [...SLOWNESS, IS_SLOW], isLearned: false }],
  ['the same, once the relations are known', { before: SLOWNESS, prepare: runs([IS_SLOW]) }],
  ['no permission for the table of a relation', { before: ['REVOKE ALL ON topic FROM app'], isLearned: false }],
  ['the same, once the relations are known', { prepare: runs(['REVOKE ALL ON topic FROM app']) }],
  [
    'a table of a relation that is locked, and a lock timeout',
    { options: { extra: { lock_timeout: 100 } }, around: locked },
  ],
])('%s', (_, { around = (write) => write, ...fault }) => {
  it.each(WRITES)('%s', async (_, write, stale) => {
    await expectSameWrite({ ...fault, write: around(write) }, stale);
  });
});

/** Renames an article in a QueryRunner that is released without a rollback. */
async function withoutRollback({ dataSource }: { dataSource: DataSource }): Promise<void> {
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  await runner.manager.save(Article, { id: 1, slug: 'b' });
  try {
    await runner.commitTransaction();
  } finally {
    await runner.release();
  }
}

describe('a table of a relation that is locked', () => {
  it('is not waited for', async () => {
    const { control } = await expectSameWrite(
      {
        write: locked((side) => Promise.race([rename(side), sleep(15_000, 'waited', { ref: false })])),
      },
      RENAMED,
    );
    expect(control.result).toMatchObject({ value: { slug: 'b' } });
  });
});

describe('a session that is killed', () => {
  it('in a transaction', async () => {
    await expectSameWrite(
      {
        write: (side) =>
          side.dataSource.transaction(async (manager) => {
            await manager.save(Article, { id: 1, slug: 'b' });
            await side.killSessions();
            await manager.save(Article, { id: 2, slug: 'y' });
          }),
      },
      [],
    );
  });

  it('while it commits', async () => {
    const slowCommit = [
      `CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END'`,
      'CREATE CONSTRAINT TRIGGER nap AFTER UPDATE ON article DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nap()',
    ];
    const { control, withModule, purged } = await pair.compare({
      prepare: runs(slowCommit),
      write: async (side) => {
        const written = rename(side);
        written.catch(nothing);
        await side.killSessions(`query = 'COMMIT' AND state = 'active'`);
        return written;
      },
    });
    expect(withModule).toEqual(control);
    expect(control).toMatchObject({ result: { error: 'connection lost' }, isChanged: false });
    // Nobody can know that.
    expect(purged).toEqual(expect.arrayContaining(['/articles/a']));
  });

  it('while we read', async () => {
    const { control } = await expectSameWrite(
      {
        write: locked(async (side) => {
          let isOver = false;
          const written = rename(side).finally(() => (isOver = true));
          written.catch(nothing);
          while (!isOver) {
            // Without the module, nobody waits for the lock.
            await side.sql(
              `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'app' AND wait_event_type = 'Lock'`,
            );
          }
          return written;
        }),
      },
      RENAMED,
    );
    expect(control).toMatchObject({ isChanged: true });
  });
});

describe('a COMMIT whose answer is lost', () => {
  let proxy: Server | undefined;
  afterEach(() => proxy?.close());

  /** Hands on everything but the answer to the COMMIT of a change. */
  async function throughProxy(url: string): Promise<object> {
    const { hostname, port, pathname } = new URL(url);
    proxy = createServer((client) => {
      const server = connect(Number(port), hostname);
      let isLost = false;
      let hasChanged = false;
      client.on('data', (data) => {
        hasChanged ||= data.includes(`UPDATE "article" SET "slug"`);
        isLost ||= hasChanged && data.includes('COMMIT');
        server.write(data);
      });
      server.on('data', (data) => (isLost ? client.destroy() : client.write(data)));
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    return { url: `postgres://app@127.0.0.1:${(proxy.address() as AddressInfo).port}${pathname}` };
  }

  it('in save()', async () => {
    const { control } = await expectSameWrite({ options: throughProxy, write: rename }, RENAMED);
    expect(control).toMatchObject({ result: { error: 'connection lost' }, isChanged: true });
  });

  it('of a transaction in which a subscriber has written at the last moment', async () => {
    const { control } = await expectSameWrite(
      {
        options: throughProxy,
        prepare: ({ dataSource }) => {
          let isNested = false;
          dataSource.subscribers.push({
            async beforeTransactionCommit({ manager }) {
              if (isNested) return;
              isNested = true;
              await manager.transaction((inside) => inside.update(Counted, 1, { slug: 'seen' }));
            },
          });
        },
        write: withoutRollback,
      },
      RENAMED,
    );
    expect(control).toMatchObject({ result: { error: 'connection lost' }, isChanged: true });
  });

  it('in a QueryRunner that is released without a rollback', async () => {
    const { control } = await expectSameWrite(
      {
        options: throughProxy,
        write: withoutRollback,
      },
      RENAMED,
    );
    expect(control).toMatchObject({ result: { error: 'connection lost' }, isChanged: true });
  });
});

describe('a COMMIT whose answer comes late', () => {
  /** The driver does not wait for it (`query_timeout`). */
  class Impatient extends Client {
    override query(query: unknown, ...rest: unknown[]): never {
      const given = query === 'COMMIT' ? { text: query, query_timeout: 100 } : query;
      return (super.query as (...all: unknown[]) => unknown)(given, ...rest) as never;
    }
  }

  it('has not happened when the driver gives up: it is purged when it has', async () => {
    const { control } = await expectSameWrite(
      {
        options: { extra: { Client: Impatient } },
        prepare: async ({ dataSource, sql }) => {
          await sql(`
            CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER wait AFTER UPDATE ON article DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()`);
          await sql('SELECT pg_advisory_lock(1)');
          dataSource.subscribers.push({
            async beforeTransactionRollback() {
              expect(await sql('SELECT slug FROM article WHERE id = 1')).toEqual([{ slug: 'a' }]);
              await sql('SELECT pg_advisory_unlock(1)');
            },
          });
        },
        write: rename,
      },
      RENAMED,
    );
    expect(control).toMatchObject({ result: { error: expect.stringContaining('timeout') }, isChanged: true });
  });
});

describe('a pool of 4 connections and dependentPaths() that asks the database itself', () => {
  it.each([
    ['6 saves', 6],
    ['20 saves', 20],
  ])('%s at once', async (_, count) => {
    const { control } = await expectSameWrite(
      {
        options: { extra: { max: 4 } },
        prepare: ({ dataSource }) => dataSource.manager.save(dataSource.manager.create(Counted, { slug: 'first' })),
        write: async ({ dataSource: { manager }, sql }) => {
          const saves = Array.from({ length: count }, (_, at) =>
            manager.save(manager.create(Counted, { slug: `${at}` })),
          );
          await Promise.all(saves);
          // Which of them got which id is chance.
          await sql(`UPDATE counted SET id = 1000 + CAST(slug AS int) WHERE slug ~ '^[0-9]+$'`);
          return saves.length;
        },
      },
      Array.from({ length: count }, (_, at) => `/counted/${at}`),
      'counted',
    );
    expect(control.result).toEqual({ value: count });
  });

  it('changes of 20 at once', async () => {
    const ids = Array.from({ length: 20 }, (_, at) => at + 2);
    const { control } = await expectSameWrite(
      {
        options: { extra: { max: 4 } },
        before: [`INSERT INTO counted (slug) SELECT 'old' || n FROM generate_series(1, 20) n`],
        write: async ({ dataSource: { manager } }) =>
          (await Promise.all(ids.map((id) => manager.save(Counted, { id, slug: `new${id}` })))).length,
      },
      ids.flatMap((id) => [`/counted/old${id - 1}`, `/counted/new${id}`]),
      'counted',
    );
    expect(control.result).toEqual({ value: 20 });
  });
});

describe('SERIALIZABLE', () => {
  // A transaction that reads what another one then writes, and the other way round, cannot be put in a series.
  it('20 transactions at once: none fails', async () => {
    const slugs = Array.from({ length: 20 }, (_, at) => `n${at}`);
    const { control } = await expectSameWrite(
      {
        options: { extra: { max: 25 } },
        write: async ({ dataSource, sql }) => {
          let waiting = slugs.length;
          let open!: () => void;
          const allHaveWritten = new Promise<void>((resolve) => (open = resolve));
          const ends = slugs.map((slug) =>
            dataSource.transaction('SERIALIZABLE', async (manager) => {
              const add = (name: string) => manager.save(manager.create(Article, { slug: name, writer: { id: 1 } }));
              await add(slug).finally(() => {
                waiting -= 1;
                if (waiting === 0) open();
              });
              await allHaveWritten;
              await add(`${slug}-again`);
            }),
          );
          const failed = (await Promise.allSettled(ends)).filter(({ status }) => status === 'rejected').length;
          // Which of them got which id is chance.
          await sql('UPDATE article SET id = 1000 + hashtext(slug) % 1000000 WHERE id > 2');
          return failed;
        },
      },
      [...slugs.flatMap((slug) => [`/articles/${slug}`, `/articles/${slug}-again`]), '/writers/ann'],
    );
    expect(control.result).toEqual({ value: 0 });
  });

  it.each<[string, (manager: EntityManager) => Promise<unknown>, string[]]>([
    ['save() of a change', (manager) => manager.save(Article, { id: 1, slug: 'b' }), RENAMED],
    [
      'save() of a new one',
      (manager) => manager.save(manager.create(Article, { slug: 'n', topics: [{ id: 1 }] })),
      ['/articles/n', '/topics/x'],
    ],
    [
      'remove() of a reference',
      (manager) => manager.remove(manager.create(Article, { id: 1, topics: [] })),
      ['/articles/a'],
    ],
    ['update()', (manager) => manager.update(Article, 1, { slug: 'b' }), ['/articles/a']],
    ['save() of other topics', (manager) => manager.save(Article, { id: 1, topics: [{ id: 2 }] }), ['/topics/x']],
  ])('%s reads nothing more in the transaction', async (_, write, stale) => {
    const queries: [unknown, string][] = [];
    const logger = {
      logQuery: (query: string, _: unknown, runner: unknown) => queries.push([runner, query]),
      logQueryError() {},
      logQuerySlow() {},
      logSchemaBuild() {},
      logMigration() {},
      log() {},
    };
    await expectSameWrite(
      {
        options: { logging: true, logger },
        write: async ({ dataSource }) => {
          queries.length = 0;
          let inside: unknown;
          await dataSource.transaction('SERIALIZABLE', async (manager) => {
            inside = manager.queryRunner;
            await write(manager);
          });
          const own = queries.filter(([runner]) => runner === inside).map(([, query]) => query);
          return own.slice(0, own.indexOf('COMMIT') + 1);
        },
      },
      stale,
    );
  });
});

describe('a join entity with a composite key of uuids', () => {
  const [chess, go] = CLUBS;
  it.each<[string, (manager: EntityManager) => Promise<unknown>]>([
    ['save() of a change', (manager) => manager.save(Membership, { clubId: chess, patronId: go, role: 'boss' })],
    ['save() of a new one', (manager) => manager.save(Membership, { clubId: go, patronId: chess, role: 'guest' })],
    [
      'save() with its relations',
      (manager) =>
        manager.save(Membership, { club: { id: go }, patron: { id: go }, role: 'x', clubId: go, patronId: go }),
    ],
    ['remove()', async (manager) => manager.remove(await manager.findOneByOrFail(Membership, { clubId: chess }))],
    [
      'remove() of what it belongs to',
      async (manager) => manager.remove(await manager.findOneByOrFail(Club, { id: chess })),
    ],
  ])('%s', async (_, write) => {
    const { control } = await expectSameWrite(
      { write: ({ dataSource }) => dataSource.transaction(write) },
      [],
      'membership',
    );
    expect(control).toMatchObject({ result: { value: expect.anything() }, isChanged: true });
  });
});

describe('a subscriber of the application that throws', () => {
  const EVENTS = [
    'beforeUpdate',
    'afterUpdate',
    'afterRemove',
    'beforeTransactionCommit',
    'afterTransactionCommit',
    'afterTransactionStart',
  ] as const;
  const ways = EVENTS.flatMap((event) =>
    (['registered with the data source', 'added later'] as const).flatMap((when) =>
      (['throws', 'rejects'] as const).map((how) => [event, when, how] as const),
    ),
  );
  it.each(ways)('%s, %s, %s', async (event, when, how) => {
    let isActive = false;
    const act = () => {
      if (isActive) throw new Error('thrown by the subscriber');
    };
    class Failing implements EntitySubscriberInterface {}
    Object.assign(Failing.prototype, { [event]: how === 'throws' ? act : async () => act() });
    EventSubscriber()(Failing);
    const writes: Scenario['write'][] = [
      rename,
      ({ dataSource: { manager } }) => manager.update(Article, 1, { slug: 'b' }),
      ({ dataSource: { manager } }) => manager.delete(Article, 1),
    ];
    for (const write of writes) {
      const comparison = await pair.compare({
        options: { subscribers: when === 'added later' ? [] : [Failing] },
        prepare: (side) => {
          if (when === 'added later') side.dataSource.subscribers.push(new Failing());
        },
        write: async (side) => {
          isActive = true;
          return write(side).finally(() => (isActive = false));
        },
      });
      const { control, withModule } = comparison;
      // Whether the COMMIT has been sent is not known then: it is purged in any case.
      if (event === 'beforeTransactionCommit' && !control.isChanged) expect(withModule).toEqual(control);
      else expectSame(comparison, ['/articles/a']);
    }
  });
});
