import type { DataSource, EntityManager } from 'typeorm';
import type { Purges, Row, Write } from './mapping.js';

export interface Way {
  readonly prepare?: Write;
  readonly write: Write;
  readonly purges: Purges;
}

const load = (manager: EntityManager, { entity, id }: Row) => manager.findOneByOrFail(entity, id);

async function change(manager: EntityManager, row: Row): Promise<unknown> {
  return manager.save(manager.merge(row.entity, await load(manager, row), row.change));
}

async function byHand(dataSource: DataSource, row: Row, end: 'commitTransaction' | 'rollbackTransaction') {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    await change(runner.manager, row);
    await runner[end]();
  } finally {
    await runner.release();
  }
}

const ROLLED_BACK = new Error('rolled back by the test');

function ignoreRollback(error: unknown): void {
  if (error !== ROLLED_BACK) throw error;
}

/** Every way to write a row of a class, and what it purges: exactly the paths of the row, or the tag of the class as documented. */
export function waysToWrite(row: Row, { softly }: { softly: boolean }): Record<string, Way> {
  const { entity, id, fresh, paths } = row;
  const none: Purges = { paths: [] };
  const known = (...paths: string[]): Purges => ({ paths, ...(row.goesByTag && { tags: row.tags }) });
  const changed = known(...paths.old, ...paths.changed);
  const added = known(...paths.fresh);
  const removed = known(...paths.old);
  const bulk = ({ paths }: Purges): Purges => ({ paths, tags: row.tags });
  const create = (manager: EntityManager, ...values: object[]) => manager.create(entity, Object.assign({}, ...values));
  const soft: Record<string, Way> = {
    'softRemove()': { write: async (m) => m.softRemove(await load(m, row)), purges: removed },
    'recover()': {
      prepare: async (m) => m.softRemove(await load(m, row)),
      write: (m) => m.recover(create(m, id)),
      purges: removed,
    },
    'softDelete()': { write: (m) => m.softDelete(entity, id), purges: bulk(removed) },
    'restore()': {
      prepare: (m) => m.softDelete(entity, id),
      write: (m) => m.restore(entity, id),
      purges: bulk(removed),
    },
  };
  const ways: Record<string, Way> = {
    'save() of a new one': { write: (m) => m.save(create(m, fresh)), purges: added },
    'save() of a loaded one': { write: (m) => change(m, row), purges: changed },
    'save() of a part': { write: (m) => m.save(entity, { ...id, ...row.change }), purges: changed },
    'save() of two': {
      write: async (m) => m.save([create(m, fresh), m.merge(entity, await load(m, row), row.change)]),
      purges: known(...changed.paths, ...added.paths),
    },
    'save() without reload': { write: (m) => m.save(create(m, fresh), { reload: false }), purges: bulk(added) },
    'save() without a transaction': {
      write: (m) => m.save(entity, { ...id, ...row.change }, { transaction: false }),
      purges: bulk(changed),
    },
    'remove()': { write: async (m) => m.remove(await load(m, row)), purges: removed },
    'remove() of a reference': { write: (m) => m.remove(create(m, id)), purges: removed },
    'insert()': { write: (m) => m.insert(entity, fresh), purges: bulk(added) },
    'update()': { write: (m) => m.update(entity, id, row.change), purges: bulk(changed) },
    'delete()': { write: (m) => m.delete(entity, id), purges: bulk(removed) },
    'upsert() of a new one': {
      write: (m) => m.upsert(entity, { ...idAfter(id), ...fresh }, Object.keys(id)),
      purges: bulk(added),
    },
    'upsert() of one that is there': {
      write: (m) => m.upsert(entity, { ...id, ...row.change }, Object.keys(id)),
      purges: bulk(changed),
    },
    'insert by query builder': {
      write: (m) => m.createQueryBuilder().insert().into(entity).values(fresh).execute(),
      purges: bulk(added),
    },
    'update by query builder': {
      write: (m) => m.createQueryBuilder().update(entity).set(row.change).whereInIds([id]).execute(),
      purges: bulk(changed),
    },
    'delete by query builder': {
      write: (m) => m.createQueryBuilder().delete().from(entity).whereInIds([id]).execute(),
      purges: bulk(removed),
    },
    'a transaction': { write: (m) => m.transaction((inner) => change(inner, row)), purges: changed },
    'a nested transaction': {
      write: (m) => m.transaction((outer) => outer.transaction((inner) => change(inner, row))),
      purges: changed,
    },
    'a nested transaction that is rolled back': {
      write: (m) =>
        m.transaction(async (outer) => {
          const inner = outer.transaction(async (inner) => {
            await change(inner, row);
            throw ROLLED_BACK;
          });
          await inner.catch(ignoreRollback);
        }),
      purges: none,
    },
    'QueryRunner by hand': { write: (_, dataSource) => byHand(dataSource, row, 'commitTransaction'), purges: changed },
    'QueryRunner by hand, rolled back': {
      write: (_, dataSource) => byHand(dataSource, row, 'rollbackTransaction'),
      purges: none,
    },
    ...(softly ? soft : {}),
  };
  for (const name of Object.keys(row.without ?? {})) delete ways[name];
  return ways;
}

/** Of a row that is not there. */
function idAfter(id: object): object {
  return Object.fromEntries(
    Object.entries(id).map(([name, value]) => [
      name,
      typeof value === 'number' ? value + 100 : String(value).replace(/.$/, '9'),
    ]),
  );
}
