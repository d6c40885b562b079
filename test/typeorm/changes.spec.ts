import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EntityManager } from 'typeorm';
import { Author, type Blog, Comment, Post, startBlog, Tag } from './blog.js';

let blog: Blog;
let manager: EntityManager;
beforeAll(async () => {
  blog = await startBlog();
  manager = blog.dataSource.manager;
});
afterAll(() => blog?.close());

let ann: Author;
let bees: Post;
let wasps: Post;
let insects: Tag;
beforeEach(async () => {
  await blog.dataSource.synchronize(true);
  ann = await manager.save(manager.create(Author, { name: 'ann' }));
  insects = await manager.save(manager.create(Tag, { name: 'insects' }));
  bees = await manager.save(manager.create(Post, { slug: 'bees', title: 'Bees', author: ann, tags: [insects] }));
  wasps = await manager.save(manager.create(Post, { slug: 'wasps', title: 'Wasps', author: null, tags: [] }));
  blog.purges.take();
  blog.queries.take();
});

function comment(text: string, post: Post | null): Promise<Comment> {
  const made = manager.create(Comment, { text });
  made.post = Promise.resolve(post);
  return manager.save(made);
}

describe('one entity', () => {
  it('inserted', async () => {
    await manager.save(manager.create(Post, { slug: 'ants', author: ann, tags: [insects] }));
    // TypeORM does not tell before the write which tags are linked: how they were can only be read from another connection.
    expect(blog.purges.take()).toEqual(
      ['/', '/authors/ann', '/posts/ants', '/tags/insects', '/posts/bees', 'tag:labels'].sort(),
    );
  });

  it('inserted, of part of its columns', async () => {
    await manager.save(Post, { slug: 'ants' });
    expect(blog.purges.take()).toEqual(['/', '/posts/ants']);
  });

  it('updated', async () => {
    bees.title = 'Honeybees';
    await manager.save(bees);
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/posts/bees', '/tags/insects']);
  });

  it('saved without a change', async () => {
    await manager.save(bees);
    expect(blog.purges.take()).toEqual([]);
  });

  it('renamed: the old path and the new one', async () => {
    bees.slug = 'bumblebees';
    await manager.save(bees);
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/posts/bees', '/posts/bumblebees', '/tags/insects']);
  });

  it('renamed by a partial entity that was never loaded', async () => {
    await manager.save(Post, { id: bees.id, slug: 'bumblebees' });
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/posts/bees', '/posts/bumblebees', '/tags/insects']);
  });

  it('removed', async () => {
    await manager.remove(bees);
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/posts/bees', '/tags/insects']);
  });

  it('removed by a reference that knows nothing but the id', async () => {
    await manager.remove(manager.create(Post, { id: bees.id }));
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/posts/bees', '/tags/insects']);
  });

  it('soft-removed and recovered', async () => {
    await manager.softRemove(bees);
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/posts/bees', '/tags/insects']);
    await manager.recover(bees);
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/posts/bees', '/tags/insects']);
  });

  it('changed while it is soft-removed, for an archive that shows it', async () => {
    await manager.softRemove(bees);
    blog.purges.take();
    await manager.save(Post, { id: bees.id, slug: 'old-bees' });
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/posts/bees', '/posts/old-bees', '/tags/insects']);
  });

  it('many at once', async () => {
    bees.slug = 'bees-2';
    wasps.slug = 'wasps-2';
    await manager.save([bees, wasps]);
    expect(blog.purges.take()).toEqual(
      ['/', '/authors/ann', '/posts/bees', '/posts/bees-2', '/posts/wasps', '/posts/wasps-2', '/tags/insects'].sort(),
    );
  });
});

describe('a relation', () => {
  it('many-to-one: both authors', async () => {
    const bob = await manager.save(manager.create(Author, { name: 'bob' }));
    blog.purges.take();
    bees.author = bob;
    await manager.save(bees);
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/authors/bob', '/posts/bees', '/tags/insects']);
  });

  it('lazy, moved from one post to the other', async () => {
    const first = await comment('Hm.', bees);
    expect(blog.purges.take()).toEqual(['/comments/1', '/posts/bees']);
    first.post = Promise.resolve(wasps);
    await manager.save(first);
    expect(blog.purges.take()).toEqual(['/comments/1', '/posts/bees', '/posts/wasps']);
    await manager.remove(first);
    expect(blog.purges.take()).toEqual(['/comments/1', '/posts/wasps']);
  });

  it('many-to-many: added and removed, from either side', async () => {
    const pests = await manager.save(manager.create(Tag, { name: 'pests' }));
    blog.purges.take();
    wasps.tags = [insects, pests];
    await manager.save(wasps);
    expect(blog.purges.take()).toEqual([
      '/',
      '/posts/bees',
      '/posts/wasps',
      '/tags/insects',
      '/tags/pests',
      'tag:labels',
    ]);
    wasps.tags = [insects];
    await manager.save(wasps);
    expect(blog.purges.take()).toEqual(['/', '/posts/wasps', '/tags/insects', '/tags/pests']);
    pests.posts = [bees];
    await manager.save(pests);
    expect(blog.purges.take()).toEqual(
      ['/', '/authors/ann', '/posts/bees', '/tags/insects', '/tags/pests', 'tag:labels', 'tag:post'].sort(),
    );
    await manager.remove(pests);
    expect(blog.purges.take()).toEqual(['/', '/authors/ann', '/posts/bees', '/tags/insects', '/tags/pests']);
  });

  it('many-to-many by the relation query builder: added exactly, removed by tag', async () => {
    const relation = () => manager.createQueryBuilder().relation(Post, 'tags').of(wasps);
    await relation().add(insects);
    expect(blog.purges.take()).toEqual(['/', '/posts/bees', '/posts/wasps', '/tags/insects']);
    await relation().remove(insects);
    expect(blog.purges.take()).toEqual(['tag:labels', 'tag:post']);
  });

  it('one-to-many, where TypeORM tells nothing of the other side: by the tags of both', async () => {
    const first = await comment('Hm.', bees);
    blog.purges.take();
    await manager.save(Post, { id: wasps.id, comments: [{ id: first.id }] as never });
    expect(blog.purges.take()).toEqual(['tag:comment', 'tag:post']);
  });

  it('what the database deletes along', async () => {
    await comment('One', bees);
    await comment('Two', bees);
    await comment('Elsewhere', wasps);
    blog.purges.take();
    await manager.remove(bees);
    expect(await manager.count(Comment)).toBe(1);
    expect(blog.purges.take()).toEqual(
      ['/', '/authors/ann', '/comments/1', '/comments/2', '/posts/bees', '/tags/insects'].sort(),
    );
  });
});

describe('a bulk write purges by tag', () => {
  it.each<[string, () => Promise<unknown>, string[]]>([
    ['update()', () => manager.update(Post, { id: bees.id }, { title: 'x' }), ['tag:post']],
    [
      'update() of a relation',
      () => manager.update(Post, { id: bees.id }, { author: null }),
      ['tag:author', 'tag:post'],
    ],
    ['delete()', () => manager.delete(Tag, { name: 'insects' }), ['tag:labels', 'tag:post']],
    [
      'delete() with a cascade',
      () => manager.delete(Post, { id: wasps.id }),
      ['tag:comment', 'tag:labels', 'tag:post'],
    ],
    ['softDelete()', () => manager.softDelete(Post, { id: bees.id }), ['tag:post']],
    ['restore()', () => manager.restore(Post, { id: bees.id }), ['tag:post']],
    ['increment()', () => manager.increment(Post, { id: bees.id }, 'id', 100), ['tag:post']],
    [
      'a query builder',
      () =>
        manager
          .createQueryBuilder()
          .update(Post)
          .set({ title: () => "'x'" })
          .execute(),
      ['tag:post'],
    ],
    ['insert(), and exactly', () => manager.insert(Author, { name: 'bob' }), ['/authors/bob', 'tag:author']],
    [
      'insert() of several',
      () => manager.insert(Post, [{ slug: 'a', author: ann }, { slug: 'b' }]),
      // SQLite tells the id of the last row only.
      ['/', '/posts/b', 'tag:author', 'tag:post'],
    ],
    [
      'upsert(), with the old path',
      () => manager.upsert(Author, { id: ann.id, name: 'anna' }, ['id']),
      ['/authors/ann', '/authors/anna', 'tag:author'],
    ],
  ])('%s', async (_, write, purged) => {
    await write();
    expect(blog.purges.take()).toEqual(purged);
  });
});
