import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Post } from '../../sample/posts/post.entity.js';
import type { PostsService } from '../../sample/posts/posts.service.js';
import { barOf, byNginx, cacheStatus, RunningBlog } from './running-blog.js';

const OTHER = '/posts/how-a-page-is-served';
const TEXT = { title: 'Bees', summary: 'About bees.', body: 'They hum.', tags: ['insects', 'garden'] };

const SHOWING = ['/', '/tags/insects', '/tags/garden'];

describe('a change in the blog', () => {
  let blog: RunningBlog;
  let posts: PostsService;
  let post: Post;

  beforeAll(async () => {
    blog = await RunningBlog.start();
    const { PostsService } = await import('../../sample/posts/posts.service.js');
    posts = blog.app.get(PostsService);
  });
  beforeEach(async () => {
    await blog.memcached.flush();
    post = await posts.add(TEXT);
    await blog.store(OTHER, post.path, ...SHOWING);
    return async () => posts.remove(post.id).catch(() => {});
  });
  afterAll(() => blog.stop());
  /** Of a page. An entity that was saved is purged in the background when memcached is late. */
  const text = async (path: string) => (await blog.get(path)).text();

  it('purges with a comment what shows it, and nothing else', async () => {
    const answer = await blog.post(`${post.path}/comments`, { author: 'Ann', text: 'I like <bees>.' });

    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toMatch(`${post.path}#comment-`);
    expect(await blog.notStored(OTHER, post.path, ...SHOWING)).toEqual([post.path, ...SHOWING]);
    const page = await blog.get(post.path);
    expect(cacheStatus(page)).toBe('nestjs-nginx-cache; fwd=miss; stored');
    expect(await page.text()).toContain('I like &lt;bees&gt;.');
    await blog.store(post.path);
    expect(cacheStatus(await blog.get(post.path))).toBe(byNginx);
  });

  it('counts the comment of a reader, who sees that in a page that is not rendered again for it', async () => {
    const ann = await blog.logIn('ann');
    const comments = async () => Number(/^ann: (\d+)/.exec(barOf(await (await blog.get(OTHER, ann)).text()))?.[1]);
    const before = await comments();
    await blog.post(`${post.path}/comments`, { author: 'Ann', text: 'Me again.' }, ann);

    expect(await comments()).toBe(before + 1);
    expect(cacheStatus(await blog.get(OTHER, ann))).toBe(byNginx);
  });

  it('purges nothing when the comment is refused', async () => {
    const answer = await blog.post(`${post.path}/comments`, { author: ' ', text: '' });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('The name is missing.');
    expect(await blog.notStored(post.path, ...SHOWING)).toEqual([]);
  });

  it('purges the pages of tags that a post loses, too', async () => {
    const headers = await blog.logIn();
    const fields = { ...TEXT, title: 'Wasps', tags: 'Insects, Pests' };

    const answer = await blog.post(`/admin/posts/${post.id}`, fields, headers);

    expect(answer.headers.get('location')).toBe(post.path);
    await expect.poll(() => blog.notStored(OTHER, post.path, ...SHOWING)).toEqual([post.path, ...SHOWING]);
    expect((await blog.get('/tags/garden')).status).toBe(404);
    expect(await (await blog.get('/tags/pests')).text()).toContain('Wasps');
    expect(await (await blog.get('/')).text()).toContain('Wasps');
  });

  it('shows a new post', async () => {
    const answer = await blog.post('/admin/posts', { ...TEXT, title: 'Ants!', tags: 'insects' }, await blog.logIn());
    expect(answer.headers.get('location')).toBe('/posts/ants');
    for (const path of ['/', '/tags/insects']) await expect.poll(() => text(path)).toContain('Ants!');
  });

  it('leaves no page of a post that was deleted, nor of its comments', async () => {
    await blog.post(`${post.path}/comments`, { author: 'Ann', text: 'Hm.' });
    await blog.store('/', post.path);

    const answer = await blog.post(`/admin/posts/${post.id}/delete`, {}, await blog.logIn());

    expect(answer.status).toBe(303);
    await expect.poll(async () => (await blog.get(post.path)).status).toBe(404);
    await expect.poll(() => text('/')).not.toContain('Bees');
  });

  it('takes a deleted comment off the page', async () => {
    const { headers } = await blog.post(`${post.path}/comments`, { author: 'Ann', text: 'Nonsense.' });
    await blog.store(post.path);

    await blog.post(`/admin/comments/${headers.get('location')?.split('-').at(-1)}/delete`, {}, await blog.logIn());

    await expect.poll(() => text(post.path)).not.toContain('Nonsense.');
  });

  it('is saved and shown while memcached is down', async () => {
    await blog.memcached.kill();
    try {
      const answer = await blog.post(`${post.path}/comments`, { author: 'Ann', text: 'Anyone there?' });
      expect(answer.status).toBe(303);
      expect(await (await blog.get(post.path)).text()).toContain('Anyone there?');
    } finally {
      await blog.memcached.restart();
    }
  });
});
