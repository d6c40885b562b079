import type { DataSource } from 'typeorm';
import { Article, Writer } from './newsroom.js';

export interface Writes {
  readonly dataSource: DataSource;
}

export const rename = ({ dataSource: { manager } }: Writes) => manager.save(Article, { id: 1, slug: 'b' });

/** What a caller does, and the pages that it makes stale. */
export const WRITES: readonly [string, (side: Writes) => Promise<unknown>, readonly string[]][] = [
  ['save() of a change', rename, ['/articles/a', '/articles/b', '/writers/ann', '/topics/x']],
  [
    'save() of a new one',
    ({ dataSource: { manager } }) => manager.save(manager.create(Article, { slug: 'n', writer: { id: 1 } })),
    ['/articles/n', '/writers/ann'],
  ],
  ['insert()', ({ dataSource: { manager } }) => manager.insert(Article, { slug: 'n' }), []],
  [
    'update()',
    ({ dataSource: { manager } }) => manager.update(Article, 1, { slug: 'b' }),
    ['/articles/a', '/writers/ann', '/topics/x'],
  ],
  [
    'delete()',
    ({ dataSource: { manager } }) => manager.delete(Article, 1),
    ['/articles/a', '/writers/ann', '/topics/x'],
  ],
  [
    'upsert()',
    ({ dataSource: { manager } }) => manager.upsert(Article, { id: 1, slug: 'b' }, ['id']),
    ['/articles/a', '/articles/b'],
  ],
  [
    'remove()',
    async ({ dataSource: { manager } }) => manager.remove(await manager.findOneByOrFail(Article, { id: 2 })),
    ['/articles/z'],
  ],
  [
    'a transaction of several',
    ({ dataSource }) =>
      dataSource.transaction(async (manager) => {
        await manager.save(Writer, { id: 1, slug: 'anna' });
        await manager.save(Article, { id: 1, slug: 'b' });
        await manager.update(Article, 2, { text: 'changed' });
        return manager.save(manager.create(Writer, { slug: 'cyd' }));
      }),
    ['/articles/a', '/articles/b', '/writers/ann'],
  ],
  [
    'several at once in one transaction',
    ({ dataSource }) =>
      dataSource.transaction((manager) =>
        Promise.all([
          manager.save(Writer, { id: 1, slug: 'anna' }),
          manager.save(Article, { id: 1, slug: 'b' }),
          manager.save(Article, { id: 2, slug: 'y' }),
          manager.save(manager.create(Writer, { slug: 'cyd' })),
        ]),
      ),
    ['/articles/a', '/articles/b', '/articles/y', '/articles/z', '/writers/ann'],
  ],
  [
    'a nested transaction',
    ({ dataSource }) =>
      dataSource.transaction(async (outer) => {
        await outer.save(Writer, { id: 2, slug: 'bobby' });
        await outer.transaction((inner) => inner.save(Article, { id: 1, slug: 'b' }));
        return outer.save(outer.create(Writer, { slug: 'cyd' }));
      }),
    ['/articles/a', '/articles/b'],
  ],
  [
    'a nested transaction that fails, and is survived',
    ({ dataSource }) =>
      dataSource.transaction(async (outer) => {
        await outer.save(Article, { id: 1, slug: 'b' });
        const inner = outer.transaction(async (inner) => {
          await inner.save(Article, { id: 2, text: 'lost' });
          await inner.save(Article, { id: 2, slug: 'b' });
        });
        const failure = await inner.catch((error: Error) => error.message);
        await outer.save(outer.create(Writer, { slug: 'cyd' }));
        return failure;
      }),
    ['/articles/a', '/articles/b'],
  ],
];
