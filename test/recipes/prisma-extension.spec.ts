import { expect, it } from 'vitest';
import { purgePages } from './prisma-extension.js';
import { POSTS_TABLE, startPostgres } from './support/postgres.js';
import { prismaClient } from './support/prisma-client.js';
import { itPurges } from './support/purges-of-an-orm.js';

const test = itPurges(async (stale) => {
  const { database, url, stop } = await startPostgres();
  await database.exec(POSTS_TABLE);
  const prisma = prismaClient(url).$extends(purgePages(stale, { Post: ({ slug }) => ['/', `/posts/${String(slug)}`] }));
  return {
    prisma,
    all: () => prisma.post.findMany(),
    bySlug: (slug) => prisma.post.findUnique({ where: { slug } }),
    add: (slug: string) => prisma.post.create({ data: { slug, title: slug } }),
    rename: (slug: string, to: string) => prisma.post.update({ where: { slug }, data: { slug: to } }),
    remove: (slug: string) => prisma.post.delete({ where: { slug } }),
    retitleAll: (title: string) => prisma.post.updateMany({ data: { title } }),
    renameInTransaction: (slug: string, to: string, then: () => Promise<void>) =>
      stale.after(() =>
        prisma.$transaction(async (tx) => {
          await tx.post.update({ where: { slug }, data: { slug: to } });
          await then();
        }),
      ),
    isInTransaction: () => database.isInTransaction(),
    clear: () => database.exec('DELETE FROM posts'),
    close: async () => {
      await prisma.$disconnect();
      await stop();
    },
  };
});

it('purges the paths of the result and the tag of the model', async () => {
  const { purges } = test.recipe;
  const { post } = test.posts.prisma;
  await post.create({ data: { slug: 'bees', title: 'Bees' } });
  expect(purges.take()).toEqual(['/', '/posts/bees', 'tag:Post']);
  await post.update({ where: { slug: 'bees' }, data: { slug: 'wasps' } });
  expect(purges.take()).toEqual(['/', '/posts/wasps', 'tag:Post']);
  await post.createMany({ data: [{ slug: 'ants', title: 'Ants' }] });
  expect(purges.take()).toEqual(['tag:Post']);
  await expect(post.create({ data: { slug: 'ants', title: 'Ants' } })).rejects.toThrow('Unique constraint');
  await post.findMany();
  expect(purges.take()).toEqual([]);
  await post.delete({ where: { slug: 'wasps' } });
  expect(purges.take()).toEqual(['/', '/posts/wasps', 'tag:Post']);
});

it('purges after a list of queries, if none has failed', async () => {
  const { purges } = test.recipe;
  const { prisma } = test.posts;
  const add = (slug: string) => prisma.post.create({ data: { slug, title: slug } });
  await prisma.$transaction([add('fleas'), add('lice')]);
  expect(purges.take()).toEqual(['/', '/posts/fleas', '/posts/lice', 'tag:Post']);
  await expect(prisma.$transaction([add('mites'), add('lice')])).rejects.toThrow('Unique constraint');
  expect(purges.take()).toEqual([]);
});
