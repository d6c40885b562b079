import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PostsService } from '../../sample/posts/posts.service.js';
import { byNginx, cacheStatus, RunningBlog } from './running-blog.js';

const POST = '/posts/how-a-page-is-served';

describe('the pages of the blog', () => {
  let blog: RunningBlog;
  let posts: PostsService;

  beforeAll(async () => {
    blog = await RunningBlog.start();
    const { PostsService } = await import('../../sample/posts/posts.service.js');
    posts = blog.app.get(PostsService);
    for (const title of ['One', 'Two', 'Three', 'Four', 'Five']) {
      await posts.add({ title, summary: `${title}.`, body: `# ${title}`, tags: ['numbers'] });
    }
  });
  beforeEach(() => blog.memcached.flush());
  afterAll(() => blog.stop());

  it.each([
    ['/', 'text/html; charset=utf-8', 'How the page cache works'],
    [POST, 'text/html; charset=utf-8', 'How this page reached you'],
    ['/tags/numbers', 'text/html; charset=utf-8', 'Posts about <em>numbers</em>'],
    ['/feed.xml', 'application/rss+xml; charset=utf-8', `/posts/how-a-page-is-served</link>`],
    ['/api/posts', 'application/json; charset=utf-8', '"path":"/posts/one"'],
    ['/login', 'text/html; charset=utf-8', 'Password'],
  ])('%s has its type and its content, on every visit', async (path, type, content) => {
    for (let visit = 1; visit <= 3; visit++) {
      const response = await blog.get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(type);
      expect(await response.text()).toContain(content);
    }
  });

  it('are served by nginx from the second visit on, without a call of the handler', async () => {
    const handled = vi.spyOn(posts, 'bySlug');
    const first = await blog.get(POST);
    expect(cacheStatus(first)).toBe('nestjs-nginx-cache; fwd=miss; stored');
    const html = await first.text();
    await blog.untilStored([POST]);
    handled.mockClear();

    const second = await blog.get(POST);

    expect(cacheStatus(second)).toBe(byNginx);
    expect(await second.text()).toBe(html);
    expect(handled).not.toHaveBeenCalled();
  });

  it('are cached one by one where there are several of the index', async () => {
    await blog.store('/', '/?page=2');

    const [first, second] = await Promise.all([blog.get('/'), blog.get('/?page=2')]);

    expect([cacheStatus(first), cacheStatus(second)]).toEqual([byNginx, byNginx]);
    expect(await first.text()).toContain('Older posts');
    expect(await second.text()).toContain('Newer posts');
  });

  it.each(['/?page=1', '/?page=02', '/?page=two', '/?page=99', '/tags/none', '/posts/none', '/none'])(
    '%s is not found, and not stored',
    async (path) => {
      expect((await blog.get(path)).status).toBe(404);
      expect(await blog.notStored(path)).toEqual([path]);
    },
  );

  it('are the same page with the parameters of a campaign', async () => {
    await blog.store('/');
    expect(cacheStatus(await blog.get('/?utm_source=mail'))).toBe(byNginx);
  });

  it('tell an API client of errors in JSON', async () => {
    const response = await blog.get('/api/none');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ statusCode: 404 });
  });

  it('have a stylesheet that browsers keep', async () => {
    const href = /href="(\/assets\/style\.css[^"]+)"/.exec(await (await blog.get('/')).text())?.[1];
    const stylesheet = await blog.get(String(href).replace('&#x3D;', '='));
    expect(stylesheet.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(stylesheet.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });
});
