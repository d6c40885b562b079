import { Collection, EntitySchema } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { expect, it } from 'vitest';
import { PurgeSubscriber } from './mikro-orm-subscriber.js';
import { startPostgres } from './support/postgres.js';
import { itPurges } from './support/purges-of-an-orm.js';

class Label {
  id!: number;
  constructor(readonly name: string) {}
}

class Post {
  id!: number;
  readonly labels = new Collection<Label>(this);
  constructor(
    public slug: string,
    public title: string,
  ) {}

  dependentPaths(): string[] {
    return ['/', `/posts/${this.slug}`, ...this.labels.getItems(false).map(({ name }) => `/labels/${name}`)];
  }
}

const entities = [
  new EntitySchema<Label>({
    class: Label,
    properties: { id: { type: 'number', primary: true }, name: { type: 'string' } },
  }),
  new EntitySchema<Post>({
    class: Post,
    properties: {
      id: { type: 'number', primary: true },
      slug: { type: 'string', unique: true },
      title: { type: 'string' },
      labels: { kind: 'm:n', entity: () => Label },
    },
  }),
];

const test = itPurges(async (stale) => {
  const { database, url: clientUrl, stop } = await startPostgres();
  const orm = await MikroORM.init({ clientUrl, entities, pool: { min: 1, max: 1 } });
  await orm.schema.createSchema();
  orm.em.getEventManager().registerSubscriber(new PurgeSubscriber(stale));
  const find = async (slug: string) => {
    const em = orm.em.fork();
    return { em, post: await em.findOneOrFail(Post, { slug }, { populate: ['labels'] }) };
  };
  return {
    orm,
    find,
    all: () => orm.em.fork().findAll(Post),
    bySlug: (slug) => orm.em.fork().findOne(Post, { slug }),
    add: (slug: string) => orm.em.fork().persistAndFlush(new Post(slug, slug)),
    rename: async (slug: string, to: string) => {
      const { em, post } = await find(slug);
      post.slug = to;
      await em.flush();
    },
    remove: async (slug: string) => {
      const { em, post } = await find(slug);
      await em.removeAndFlush(post);
    },
    retitleAll: (title: string) =>
      stale.after(async () => {
        await orm.em.fork().nativeUpdate(Post, {}, { title });
        await stale.add([], ['Post']);
      }),
    renameInTransaction: async (slug: string, to: string, then: () => Promise<void>) => {
      const { em, post } = await find(slug);
      await stale.after(() =>
        em.transactional(async (inner) => {
          post.slug = to;
          await inner.flush();
          await then();
        }),
      );
    },
    isInTransaction: () => database.isInTransaction(),
    clear: () => orm.schema.clearDatabase(),
    close: async () => {
      await orm.close(true);
      await stop();
    },
  };
});

it('purges the paths of entities before and after, and those of their relations', async () => {
  const { purges } = test.recipe;
  const { orm, find } = test.posts;
  const bees = new Post('bees', 'Bees');
  bees.labels.add(new Label('insects'));
  await orm.em.fork().persistAndFlush(bees);
  expect(purges.take()).toEqual(['/', '/labels/insects', '/posts/bees']);

  const first = await find('bees');
  first.post.slug = 'wasps';
  await first.em.flush();
  expect(purges.take()).toEqual(['/', '/labels/insects', '/posts/bees', '/posts/wasps']);
  await first.em.flush();
  expect(purges.take()).toEqual([]);

  const { em, post } = await find('wasps');
  post.labels.add(new Label('pests'));
  await em.flush();
  expect(purges.take()).toEqual(['/', '/labels/insects', '/labels/pests', '/posts/wasps']);

  const second = await find('wasps');
  second.post.labels.remove(({ name }) => name === 'insects');
  await second.em.flush();
  expect(purges.take()).toEqual(['/', '/labels/insects', '/labels/pests', '/posts/wasps']);

  const last = await find('wasps');
  last.post.slug = 'unsaved';
  await last.em.removeAndFlush(last.post);
  expect(purges.take()).toEqual(['/', '/labels/pests', '/posts/wasps']);
});

it('knows what the pages show when a transaction has failed', async () => {
  const { purges } = test.recipe;
  const { orm, find } = test.posts;
  await orm.em.fork().persistAndFlush(new Post('ants', 'Ants'));
  const { em, post } = await find('ants');
  const failing = em.transactional(async (inner) => {
    post.slug = 'lost';
    await inner.flush();
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  purges.take();
  post.slug = 'moths';
  await em.flush();
  expect(purges.take()).toEqual(['/', '/posts/ants', '/posts/lost', '/posts/moths']);
  expect(await orm.em.fork().findOne(Post, { slug: 'moths' })).toBeTruthy();
});
