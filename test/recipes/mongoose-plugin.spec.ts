import mongoose, { Schema } from 'mongoose';
import { expect, it } from 'vitest';
import { purgePages } from './mongoose-plugin.js';
import { MongoStandIn } from './support/mongo-stand-in.js';
import { itPurges } from './support/purges-of-an-orm.js';

const test = itPurges(async (stale) => {
  const server = await MongoStandIn.start();
  const options = { serverApi: '1', autoIndex: false, autoCreate: false } as const;
  const connection = await mongoose.createConnection(server.url, options).asPromise();
  const dependentPaths = function (this: { slug: string }) {
    return ['/', `/posts/${this.slug}`];
  };
  const schema = new Schema(
    { slug: { type: String, required: true }, title: { type: String, required: true } },
    { methods: { dependentPaths } },
  );
  purgePages(schema as unknown as Schema, { stale, tag: 'post' });
  const Post = connection.model('Post', schema);
  const find = (slug: string) => Post.findOne({ slug }).orFail();
  return {
    Post,
    all: () => Post.find(),
    bySlug: (slug) => Post.findOne({ slug }),
    add: (slug: string) => Post.create({ slug, title: slug }),
    rename: async (slug: string, to: string) => (await find(slug)).set({ slug: to }).save(),
    remove: async (slug: string) => (await find(slug)).deleteOne(),
    retitleAll: (title: string) => Post.updateMany({}, { title }),
    renameInTransaction: async (slug: string, to: string, then: () => Promise<void>) => {
      const post = await find(slug);
      await stale.after(() =>
        connection.transaction(async (session) => {
          await post.set({ slug: to }).save({ session });
          await then();
        }),
      );
    },
    isInTransaction: () => server.isInTransaction,
    clear: () => Post.collection.deleteMany({}),
    close: async () => {
      await connection.close();
      await server.stop();
    },
  };
});

it('purges the paths of documents before and after, and by tag what it has not seen', async () => {
  const { purges } = test.recipe;
  const { Post } = test.posts;
  const post = await Post.create({ slug: 'bees', title: 'Bees' });
  expect(purges.take()).toEqual(['/', '/posts/bees']);
  await Post.findOneAndUpdate({ slug: 'bees' }, { slug: 'bugs' });
  expect(purges.take()).toEqual(['/', '/posts/bees', 'tag:post']);
  await Post.updateOne({ slug: 'bugs' }, { slug: 'wasps' });
  expect(purges.take()).toEqual(['tag:post']);
  await Post.insertMany([
    { slug: 'a', title: 'A' },
    { slug: 'b', title: 'B' },
  ]);
  expect(purges.take()).toEqual(['/', '/posts/a', '/posts/b', 'tag:post']);
  await Post.deleteOne({ slug: 'a' });
  expect(purges.take()).toEqual(['tag:post']);
  await Post.deleteMany({ slug: 'b' });
  expect(purges.take()).toEqual(['tag:post']);
  await Post.bulkWrite([{ updateOne: { filter: { slug: 'wasps' }, update: { title: 'x' } } }]);
  expect(purges.take()).toEqual(['tag:post']);
  await expect(Post.create({ slug: 'nothing' })).rejects.toThrow('title');
  expect(purges.take()).toEqual([]);
  await post.deleteOne();
  expect(purges.take()).toEqual(['/', '/posts/bees', 'tag:post']);
});

it('knows what the pages show when a transaction has failed', async () => {
  const { purges } = test.recipe;
  const { Post } = test.posts;
  const post = await Post.create({ slug: 'ants', title: 'Ants' });
  const failing = Post.db.transaction(async (session) => {
    await post.set({ slug: 'lost' }).save({ session });
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  purges.take();
  await post.set({ slug: 'moths' }).save();
  expect(purges.take()).toEqual(['/', '/posts/ants', '/posts/lost', '/posts/moths']);
});
