import { drizzle } from 'drizzle-orm/pglite';
import { expect, it } from 'vitest';
import { PostsService } from './drizzle-posts.js';
import { POSTS_TABLE, startPostgres } from './support/postgres.js';
import { itPurges } from './support/purges-of-an-orm.js';

const test = itPurges(async (stale) => {
  const { database, stop } = await startPostgres();
  await database.exec(POSTS_TABLE);
  const db = drizzle({ client: database });
  const service = new PostsService(db, stale);
  const idOf = async (slug: string) => (await service.bySlug(slug))?.id ?? 0;
  return {
    service,
    idOf,
    all: () => service.all(),
    bySlug: (slug) => service.bySlug(slug),
    add: (slug: string) => service.add({ slug, title: slug }),
    rename: async (slug: string, to: string) => service.change(await idOf(slug), { slug: to }),
    remove: async (slug: string) => service.remove(await idOf(slug)),
    retitleAll: (title: string) => service.changeAll({ title }),
    renameInTransaction: async (slug: string, to: string, then: () => Promise<void>) => {
      const id = await idOf(slug);
      return stale.after(() =>
        db.transaction(async (tx) => {
          await new PostsService(tx, stale).change(id, { slug: to });
          await then();
        }),
      );
    },
    isInTransaction: () => database.isInTransaction(),
    clear: () => database.exec('DELETE FROM posts'),
    close: stop,
  };
});

it('purges the paths of what was returned', async () => {
  const { purges } = test.recipe;
  const { service, idOf } = test.posts;
  await service.add({ slug: 'bees', title: 'Bees' });
  expect(purges.take()).toEqual(['/', '/posts/bees']);
  await service.change(await idOf('bees'), { slug: 'wasps' });
  expect(purges.take()).toEqual(['/', '/posts/bees', '/posts/wasps']);
  await service.changeAll({ title: 'x' });
  expect(purges.take()).toEqual(['tag:post']);
  await service.add({ slug: 'ants', title: 'Ants' });
  purges.take();
  await expect(service.change(await idOf('wasps'), { slug: 'ants' })).rejects.toThrow(/posts/);
  expect(purges.take()).toEqual([]);
  await service.remove(await idOf('wasps'));
  expect(purges.take()).toEqual(['/', '/posts/wasps']);
});
