import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Author, type Blog, Comment, Post, startBlog, Tag } from './blog.js';

const MISS = 'nestjs-nginx-cache; fwd=miss; stored';
const HIT = 'nestjs-nginx-cache; hit';

// The behaviours that django-dumper's tests of its models show, with queries counted.
describe('a site that is cached until it changes', () => {
  let blog: Blog;
  beforeAll(async () => {
    blog = await startBlog({ ttl: 0, exclude: ['/about'] });
  });
  afterAll(() => blog?.close());

  let ann: Author;
  let bees: Post;
  let insects: Tag;
  beforeEach(async () => {
    const { manager } = blog.dataSource;
    await blog.dataSource.synchronize(true);
    await blog.pages.purgeAll();
    ann = await manager.save(manager.create(Author, { name: 'ann' }));
    insects = await manager.save(manager.create(Tag, { name: 'insects' }));
    bees = await manager.save(manager.create(Post, { slug: 'bees', title: 'Bees', author: ann, tags: [insects] }));
    // So that relations are learned.
    await manager.save(Object.assign(bees, { title: 'Bees!' }));
    for (const path of ['/posts/bees', '/authors/ann']) await blog.get(path);
    blog.queries.take();
  });

  /** What two visits get: the page has gone, and what replaces it is stored. */
  const twice = async (path: string) => [await blog.get(path), await blog.get(path)];
  const changed = (body: string) => [
    { code: 200, status: MISS, body },
    { code: 200, status: HIT, body },
  ];
  const statusOf = async (path: string) => (await blog.get(path)).status;

  it('answers a stored page without the database', async () => {
    expect(await blog.get('/posts/bees')).toMatchObject({ status: HIT, body: 'Bees! ann #insects' });
    expect(blog.queries.take()).toEqual([]);
  });

  it('save() purges the page, with one query before the change and one after the commit', async () => {
    await blog.dataSource.manager.save(Post, { id: bees.id, title: 'Honeybees' });
    // The first one is TypeORM's own.
    expect(blog.queries.take()).toEqual(['SELECT', 'BEGIN', 'SELECT', 'UPDATE', 'COMMIT', 'SELECT']);
    expect(await twice('/posts/bees')).toEqual(changed('Honeybees ann #insects'));
    expect(await twice('/authors/ann')).toEqual(changed('ann Honeybees'));
  });

  it('save() of many asks as seldom', async () => {
    const { manager } = blog.dataSource;
    const posts = await manager.save(Array.from({ length: 20 }, (_, n) => manager.create(Post, { slug: `p${n}` })));
    blog.queries.take();
    for (const post of posts) post.title = 'x';
    await manager.save(posts);
    expect(blog.queries.take().filter((word) => word === 'SELECT')).toHaveLength(3);
  });

  it('save() of an entity whose paths need no relation asks the same', async () => {
    await blog.dataSource.manager.save(Object.assign(ann, { name: 'anna' }));
    expect(blog.queries.take()).toEqual(['SELECT', 'BEGIN', 'SELECT', 'UPDATE', 'COMMIT', 'SELECT']);
    expect((await blog.get('/authors/ann')).code).toBe(404);
    expect(await twice('/authors/anna')).toEqual(changed('anna Bees!'));
  });

  it.each<[string, (manager: Blog['dataSource']['manager'], comment: Comment) => Promise<unknown>, string]>([
    [
      'updated',
      (manager, comment) => manager.save(Object.assign(comment, { text: 'Well.' })),
      'Bees! ann Well. #insects',
    ],
    ['removed', (manager, comment) => manager.remove(comment), 'Bees! ann #insects'],
    ['deleted', (manager, { id }) => manager.delete(Comment, { id }), 'Bees! ann #insects'],
  ])('a comment that is added and %s takes the page of the other side', async (_, change, body) => {
    const { manager } = blog.dataSource;
    const comment = manager.create(Comment, { text: 'Hm.' });
    comment.post = Promise.resolve(bees);
    await manager.save(comment);
    expect(await twice('/posts/bees')).toEqual(changed('Bees! ann Hm. #insects'));
    expect(await statusOf('/authors/ann')).toBe(HIT);
    await change(manager, comment);
    expect(await twice('/posts/bees')).toEqual(changed(body));
    expect(await statusOf('/authors/ann')).toBe(HIT);
  });

  it('a tag that is added, renamed and taken away does as well', async () => {
    const { manager } = blog.dataSource;
    const pests = await manager.save(manager.create(Tag, { name: 'pests' }));
    expect(await statusOf('/posts/bees')).toBe(HIT);
    await manager.save(Object.assign(bees, { tags: [insects, pests] }));
    expect(await twice('/posts/bees')).toEqual(changed('Bees! ann #insects #pests'));
    await manager.save(Object.assign(pests, { name: 'plagues' }));
    expect(await twice('/posts/bees')).toEqual(changed('Bees! ann #insects #plagues'));
    await manager.save(Object.assign(bees, { tags: [] }));
    expect(await twice('/posts/bees')).toEqual(changed('Bees! ann'));
  });

  it('an author who is updated in bulk takes all pages that show an author, and no other', async () => {
    const { manager } = blog.dataSource;
    await manager.save(manager.create(Post, { slug: 'wasps', title: 'Wasps', tags: [] }));
    await blog.get('/posts/wasps');
    await manager.update(Author, { id: ann.id }, { name: 'bob' });
    expect(await twice('/posts/bees')).toEqual(changed('Bees! bob #insects'));
    expect(await statusOf('/posts/wasps')).toBe(HIT);
  });

  it('a 404 is not cached', async () => {
    const { manager } = blog.dataSource;
    expect((await blog.get('/posts/ants')).code).toBe(404);
    expect(await blog.pages.has('/posts/ants')).toBe(false);
    await manager.save(manager.create(Post, { slug: 'ants', title: 'Ants', tags: [] }));
    expect(await twice('/posts/ants')).toEqual(changed('Ants nobody'));
  });

  it('an ignored path is neither stored nor served', async () => {
    expect((await blog.get('/about')).status).toMatch(/fwd=bypass/);
    expect((await blog.get('/about')).status).toMatch(/fwd=bypass/);
    expect(await blog.pages.has('/about')).toBe(false);
  });
});
