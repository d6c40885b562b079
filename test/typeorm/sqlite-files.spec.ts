import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { INestApplication } from '@nestjs/common';
import { PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { startApplication } from '../support/applications.js';
import { PurgeLog } from '../support/purge-log.js';
import { Author, ENTITIES, Post, Tag } from './blog.js';

// It has to be compiled on many machines; `npm test` says so where it cannot be installed.
const sqlite = await import('better-sqlite3-12').then(
  (module) => module.default,
  () => undefined,
);

// TypeORM has one connection to it; the module opens another for what it reads.
describe.skipIf(!sqlite).each([true, false])('a file of SQLite, with a write-ahead log: %s', (enableWAL) => {
  let directory: string;
  let database: string;
  let app: INestApplication;
  let manager: EntityManager;
  let purges: PurgeLog;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sqlite-'));
    database = join(directory, 'blog.sqlite');
    const options = { type: 'better-sqlite3' as const, driver: sqlite, database, enableWAL, timeout: 500 };
    ({ app } = await startApplication({
      platform: 'express',
      imports: [
        TypeOrmModule.forRoot({ ...options, entities: ENTITIES, synchronize: true }),
        PageCacheTypeOrmModule.forFeature(ENTITIES),
      ],
      providers: [PurgeLog],
    }));
    ({ manager } = app.get(DataSource));
    purges = app.get(PurgeLog);
  });
  afterAll(async () => {
    await app?.close();
    if (directory) rmSync(directory, { recursive: true });
  });

  const add = async (slug: string) => {
    const insects = await manager.save(manager.create(Tag, { name: `of-${slug}` }));
    const ann = await manager.save(manager.create(Author, { name: `by-${slug}` }));
    const post = await manager.save(manager.create(Post, { slug, author: ann, tags: [insects] }));
    await manager.save(Object.assign(post, { title: 'learned' }));
    purges.take();
    return post;
  };

  it('purges the paths from before and after, relations and links included', async () => {
    const bees = await add('bees');
    const pests = await manager.save(manager.create(Tag, { name: 'pests' }));
    purges.take();
    await manager.save(Object.assign(bees, { slug: 'wasps', tags: [...bees.tags, pests] }));
    expect(purges.take()).toEqual([
      '/',
      '/authors/by-bees',
      '/posts/bees',
      '/posts/wasps',
      '/tags/of-bees',
      '/tags/pests',
    ]);
    await manager.remove(bees);
    expect(purges.take()).toEqual(['/', '/authors/by-bees', '/posts/wasps', '/tags/of-bees', '/tags/pests']);
    expect(purges.failures).toEqual([]);
  });

  it('is written by others meanwhile, and our reads are not in the way of it', async () => {
    const ants = await add('ants');
    const other = new sqlite!(database, { timeout: 500 });
    // Without us, a transaction of TypeORM begins with its write: whoever wrote before has committed.
    const write = other.prepare(`UPDATE author SET name = 'other' WHERE name = 'by-ants'`);
    const subscriber = { beforeUpdate: () => void write.run() };
    app.get(DataSource).subscribers.push(subscriber);
    await manager.save(Object.assign(ants, { slug: 'termites' }));
    app.get(DataSource).subscribers.pop();
    other.close();
    expect(await manager.countBy(Post, { slug: 'termites' })).toBe(1);
    expect(purges.take()).toEqual(['/', '/authors/other', '/posts/ants', '/posts/termites', '/tags/of-ants']);
  });

  it('cannot be read while somebody else commits: then it goes by tag, and nobody waits', async () => {
    const moths = await add('moths');
    const other = new sqlite!(database, { timeout: 0 });
    app.get(DataSource).subscribers.push({
      afterTransactionCommit() {
        other.exec('BEGIN EXCLUSIVE');
      },
    });
    await manager.save(Object.assign(moths, { slug: 'butterflies' }));
    app.get(DataSource).subscribers.pop();
    other.exec('ROLLBACK');
    other.close();
    expect(await manager.countBy(Post, { slug: 'butterflies' })).toBe(1);
    const old = ['/', '/authors/by-moths', '/posts/moths', '/tags/of-moths'];
    // Readers of a write-ahead log see what is committed all the same.
    expect(purges.take()).toEqual(enableWAL ? [...old, '/posts/butterflies'].toSorted() : [...old, 'tag:post']);
  });
});
