import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { byNginx, cacheStatus, RunningBlog } from './running-blog.js';

const POST = '/posts/how-a-page-is-served';

describe('visitors of the blog', () => {
  let blog: RunningBlog;

  beforeAll(async () => {
    blog = await RunningBlog.start();
  });
  beforeEach(() => blog.memcached.flush());
  afterAll(() => blog.stop());

  it('get no cookie before they log in', async () => {
    expect((await blog.get(POST)).headers.getSetCookie()).toEqual([]);
  });

  it('share cached pages whatever other cookies they have', async () => {
    await blog.store(POST);
    expect(cacheStatus(await blog.get(POST, { cookie: 'counter=7' }))).toBe(byNginx);
  });

  it('who are logged in get pages of their own, and leave none', async () => {
    const headers = await blog.logIn();
    const path = '/posts/saving-and-purging';

    const own = await blog.get(path, headers);

    expect(cacheStatus(own)).toBe('nestjs-nginx-cache; fwd=bypass; detail=cookie');
    expect(await own.text()).toContain('Log out demo');
    expect(await blog.notStored(path)).toEqual([path]);
    expect(await (await blog.get(path)).text()).not.toContain('Log out demo');
  });

  it('who are logged in get no page of others', async () => {
    const headers = await blog.logIn();
    await blog.store(POST);

    const own = await (await blog.get(POST, headers)).text();

    expect(own).toContain('Log out demo');
    expect(own).toMatch(/<a href="\/admin\/posts\/\d+">Edit<\/a>/);
    expect(await (await blog.get(POST)).text()).not.toContain('Log out demo');
  });

  it('who log out are anonymous again', async () => {
    const answer = await blog.post('/logout', {}, await blog.logIn());
    expect(answer.headers.get('location')).toBe('/');
    expect(answer.headers.getSetCookie()[0]).toMatch(/^blog\.sid=;.*Expires=Thu, 01 Jan 1970/);
  });

  it.each(['/admin', '/admin/posts/new', '/admin/posts/1'])('must log in for %s', async (path) => {
    const answer = await blog.get(path);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe(`/login?next=${encodeURIComponent(path)}`);
  });

  it.each(['/admin/posts', '/admin/posts/1', '/admin/posts/1/delete', '/admin/comments/1/delete'])(
    'change nothing by POST %s without login',
    async (path) => {
      const answer = await blog.post(path, { title: 'Hacked', summary: 'x', body: 'x', tags: 'x' });
      expect(answer.headers.get('location')).toBe('/login');
      expect(await (await blog.get('/')).text()).not.toContain('Hacked');
    },
  );

  it('who are logged in see the admin area, which is never stored', async () => {
    const headers = await blog.logIn();
    expect(await (await blog.get('/admin', headers)).text()).toContain('Write a post');
    expect(await (await blog.get('/admin/posts/1', headers)).text()).toContain('Save and purge');
    expect(await blog.notStored('/admin', '/admin/posts/1')).toEqual(['/admin', '/admin/posts/1']);
  });

  it('are not logged in with a wrong password, nor sent to other sites', async () => {
    const wrong = await blog.post('/login', { name: 'demo', password: 'omed', next: '/admin' });
    expect(wrong.status).toBe(401);
    expect(wrong.headers.getSetCookie()).toEqual([]);
    const right = await blog.post('/login', { name: 'demo', password: 'demo', next: '//evil.example' });
    expect(right.headers.get('location')).toBe('/admin');
  });
});
