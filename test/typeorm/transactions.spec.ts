import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EntityManager } from 'typeorm';
import { PageCacheService, PurgeIncompleteError } from '../../lib/index.js';
import { Author, type Blog, startBlog } from './blog.js';

let blog: Blog;
let manager: EntityManager;
beforeAll(async () => {
  blog = await startBlog();
  manager = blog.dataSource.manager;
});
afterAll(() => blog?.close());

let ann: Author;
beforeEach(async () => {
  await blog.dataSource.synchronize(true);
  ann = await manager.save(manager.create(Author, { name: 'ann' }));
  blog.purges.take();
});

const rename = (inside: EntityManager, name: string) => inside.save(Author, { id: ann.id, name });
const add = (inside: EntityManager, name: string) => inside.save(inside.create(Author, { name }));

describe('a transaction', () => {
  it('purges when it is committed, and not before', async () => {
    await manager.transaction(async (inside) => {
      await rename(inside, 'bob');
      await inside.update(Author, { id: ann.id }, { name: 'cyd' });
      expect(blog.purges.take()).toEqual([]);
    });
    // Nobody else has ever seen bob.
    expect(blog.purges.take()).toEqual(['/authors/ann', '/authors/cyd', 'tag:author']);
  });

  it('purges when the database shows the change already', async () => {
    const runner = blog.dataSource.createQueryRunner();
    await runner.startTransaction();
    await rename(runner.manager, 'bob');
    let wasActive: boolean | undefined;
    const { purge } = PageCacheService.prototype;
    blog.pages.purge = (...targets) => {
      wasActive = runner.isTransactionActive;
      return purge.apply(blog.pages, targets);
    };
    await runner.commitTransaction();
    blog.pages.purge = purge;
    expect(wasActive).toBe(false);
    expect(blog.queries.take().slice(-2)).toEqual(['COMMIT', 'SELECT']);
  });

  it('purges nothing when it is rolled back, nor later', async () => {
    const rolledBack = manager.transaction(async (inside) => {
      await rename(inside, 'bob');
      await inside.update(Author, { id: ann.id }, { name: 'cyd' });
      await inside.remove(await inside.findOneByOrFail(Author, { id: ann.id }));
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect(blog.purges.take()).toEqual([]);
    await add(manager, 'dan');
    expect(blog.purges.take()).toEqual(['/authors/dan']);
  });

  it('purges nothing of a savepoint that is rolled back', async () => {
    await manager.transaction(async (outer) => {
      await add(outer, 'outer');
      await outer
        .transaction(async (inner) => {
          await add(inner, 'lost');
          throw new Error('no');
        })
        .catch(() => {});
      await outer.transaction(async (inner) => {
        await add(inner, 'kept');
        await inner.transaction((innermost) => add(innermost, 'kept-too'));
      });
      expect(blog.purges.take()).toEqual([]);
    });
    expect(blog.purges.take()).toEqual(['/authors/kept', '/authors/kept-too', '/authors/outer']);
  });

  it('purges nothing of savepoints that were released, when the transaction is rolled back', async () => {
    await manager
      .transaction(async (outer) => {
        await outer.transaction((inner) => add(inner, 'lost'));
        throw new Error('no');
      })
      .catch(() => {});
    expect(blog.purges.take()).toEqual([]);
  });

  it('purges nothing when a save fails', async () => {
    await expect(manager.save(Author, [{ name: 'eve' }, { name: null }] as never)).rejects.toThrow(/NOT NULL/);
    expect(blog.purges.take()).toEqual([]);
  });

  it('purges when nobody knows whether the commit has happened', async () => {
    const runner = blog.dataSource.createQueryRunner();
    await runner.startTransaction();
    await rename(runner.manager, 'bob');
    const { query } = runner;
    runner.query = (sql: string, ...rest: never[]) =>
      sql === 'COMMIT' ? Promise.reject(new Error('connection lost')) : (query.call(runner, sql, ...rest) as never);
    await expect(runner.commitTransaction()).rejects.toThrow('connection lost');
    runner.query = query;
    await runner.rollbackTransaction();
    expect(blog.purges.take()).toEqual(['/authors/ann', '/authors/bob']);
    // TypeORM 0.3.20 counts the end of the failed one twice.
    Object.assign(runner, { transactionDepth: 0 });
    await runner.startTransaction();
    await rename(runner.manager, 'cyd');
    await runner.rollbackTransaction();
    expect(blog.purges.take()).toEqual([]);
  });
});

describe('a COMMIT that fails and is sent again', () => {
  it('purges when it has happened', async () => {
    const runner = blog.dataSource.createQueryRunner();
    await runner.startTransaction();
    await rename(runner.manager, 'bob');
    await runner.query('PRAGMA defer_foreign_keys = ON');
    await runner.query(`INSERT INTO post (slug, "authorId") VALUES ('orphan', 99)`);
    await expect(runner.commitTransaction()).rejects.toThrow(/FOREIGN KEY/);
    blog.purges.take();
    await runner.query(`DELETE FROM post WHERE slug = 'orphan'`);
    await runner.commitTransaction();
    expect(blog.purges.take()).toEqual(['/authors/ann', '/authors/bob']);
    // TypeORM 0.3.20 counts the end of the failed one twice.
    Object.assign(runner, { transactionDepth: 0 });
  });
});

describe('a transaction that SQLite rolls back by itself', () => {
  it('does not switch purging off', async () => {
    await using own = await startBlog();
    const { manager: inside } = own.dataSource;
    const eve = await inside.save(inside.create(Author, { name: 'eve' }));
    own.purges.take();
    const failed = inside.transaction(async (within) => {
      await within.save(within.create(Author, { name: 'lost' }));
      await within.query(`INSERT OR ROLLBACK INTO author (id, name) VALUES (${eve.id}, 'twice')`);
    });
    await expect(failed).rejects.toThrow(/UNIQUE/);
    expect(own.purges.take()).toEqual([]);
    await inside.save(Object.assign(eve, { name: 'eva' }));
    expect(own.purges.take()).toEqual(['/authors/eva', '/authors/eve']);
    await inside.transaction((within) => within.save(Object.assign(eve, { name: 'eliza' })));
    expect(own.purges.take()).toEqual(['/authors/eliza', '/authors/eva']);
  });
});

describe('without a transaction', () => {
  it('purges after the write', async () => {
    await manager.save(Author, { id: ann.id, name: 'bob' }, { transaction: false });
    expect(blog.purges.take()).toEqual(['/authors/ann', '/authors/bob']);
    await manager.remove(await manager.findOneByOrFail(Author, { id: ann.id }), { transaction: false });
    expect(blog.purges.take()).toEqual(['/authors/bob']);
  });
});

describe('a reader meanwhile', () => {
  it('cannot bring the old state back: what it stores before the commit goes with the commit', async () => {
    // sql.js has one connection, which sees what is not committed; what others see is kept here.
    let committed = 'ann';
    await using other = await startBlog();
    const author = await other.dataSource.manager.save(other.dataSource.manager.create(Author, { name: 'ann' }));
    other.dataSource.subscribers.unshift({
      afterTransactionCommit() {
        committed = 'bob';
      },
    });
    const { findOne } = other.dataSource.getRepository(Author);
    other.dataSource.getRepository(Author).findOne = () =>
      Promise.resolve(Object.assign(new Author(), { name: committed, posts: [] }));
    await other.dataSource.transaction(async (inside) => {
      await inside.save(Author, { id: author.id, name: 'bob' });
      expect((await other.get('/authors/ann')).body).toBe('ann');
      expect(await other.pages.has('/authors/ann')).toBe(true);
    });
    expect(await other.pages.has('/authors/ann')).toBe(false);
    expect((await other.get('/authors/ann')).body).toBe('bob');
    other.dataSource.getRepository(Author).findOne = findOne;
  });
});

describe('a purge that fails', () => {
  it('does not fail the save, and is reported once', async () => {
    const { purge, purgeTags } = PageCacheService.prototype;
    blog.pages.purge = () => Promise.reject(new Error('broken'));
    blog.pages.purgeTags = () => Promise.reject(new PurgeIncompleteError(['tag:author'], 'the purger has told it'));
    await manager.transaction(async (inside) => {
      await rename(inside, 'bob');
      await inside.update(Author, { id: ann.id }, { name: 'cyd' });
    });
    Object.assign(blog.pages, { purge, purgeTags });
    expect(await manager.findOneByOrFail(Author, { id: ann.id })).toMatchObject({ name: 'cyd' });
    expect(blog.purges.failures.splice(0)).toMatchObject([{ operation: 'purge', error: { message: 'broken' } }]);
  });

  it('is not waited for longer than 45 ms', async () => {
    const { purge } = PageCacheService.prototype;
    let end!: (error: Error) => void;
    blog.pages.purge = () => new Promise((_, reject) => (end = reject));
    const times: number[] = [];
    for (let index = 0; index < 20; index += 1) {
      const start = performance.now();
      await rename(manager, `name-${index}`);
      times.push(performance.now() - start);
    }
    blog.pages.purge = purge;
    end(new PurgeIncompleteError(['/'], 'the purger has told it'));
    expect(times[0]).toBeGreaterThan(40);
    // Nor again for the next, as long as the first has not ended.
    expect(Math.min(...times)).toBeLessThan(40);
  });

  it('is not one of more paths than a function takes arguments', async () => {
    const { dependentPaths } = Author.prototype;
    Author.prototype.dependentPaths = () => Array.from({ length: 150_000 }, (_, index) => `/many/${index}`);
    await rename(manager, 'bob');
    Author.prototype.dependentPaths = dependentPaths;
    await expect.poll(() => blog.purges.take()).toContain('/many/149999');
    expect(blog.purges.failures).toEqual([]);
  });

  it('of one entity, or of one path, leaves the others alone', async () => {
    const { dependentPaths } = Author.prototype;
    Author.prototype.dependentPaths = function () {
      if (this.name === 'bad') throw new Error('oops');
      return this.name === 'worse' ? ['no path', '/good'] : dependentPaths.call(this);
    };
    await manager.save(['bad', 'dan', 'worse', 'eve'].map((name) => manager.create(Author, { name })));
    Author.prototype.dependentPaths = dependentPaths;
    expect(blog.purges.take()).toEqual(['/authors/dan', '/authors/eve', '/good', 'tag:author']);
    expect(blog.purges.failures.splice(0)).toMatchObject([{ error: { message: 'oops' } }]);
  });

  it('of dependentPaths() that throw is replaced by one by tag, and reported', async () => {
    const { dependentPaths } = Author.prototype;
    Author.prototype.dependentPaths = () => {
      throw new Error('oops');
    };
    await add(manager, 'eve');
    Author.prototype.dependentPaths = () => 'eve' as never;
    await add(manager, 'eve');
    Author.prototype.dependentPaths = () => ['no path'];
    await add(manager, 'eve');
    Author.prototype.dependentPaths = dependentPaths;
    expect(blog.purges.take()).toEqual(['tag:author']);
    expect(blog.purges.failures.splice(0).map(({ error }) => String(error))).toEqual([
      'Error: oops',
      "TypeError: dependentPaths() must return a list of paths, but it returned 'eve'",
      expect.stringMatching(/^TypeError: 'no path' is not a page/),
    ]);
  });
});
