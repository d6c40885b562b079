import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { barOf, byNginx, cacheStatus, RunningBlog } from './running-blog.js';

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

  it('who are logged in make a page for everybody, and it greets each by his name', async () => {
    const [ann, demo] = [await blog.logIn('ann'), await blog.logIn()];

    const made = await blog.get(POST, ann);

    expect(cacheStatus(made)).toBe('nestjs-nginx-cache; fwd=miss; stored');
    expect(barOf(await made.text())).toMatch(/^ann: \d+ comments?$/);
    await blog.untilStored([POST]);
    for (const [headers, bar] of [
      [ann, 'ann: '],
      [demo, 'demo: '],
      [{}, 'Log in'],
    ] as const) {
      const hit = await blog.get(POST, headers);
      expect([bar, cacheStatus(hit)]).toEqual([bar, byNginx]);
      expect(hit.headers.get('cache-control')).toBe('private, no-cache');
      expect(barOf(await hit.text())).toMatch(new RegExp(`^${bar}`));
    }
  });

  it('who are editors find the way to edit a page on it, and nobody else does', async () => {
    await blog.store(POST);
    const pageFor = async (headers?: { cookie: string }) => (await blog.get(POST, headers)).text();
    expect(await pageFor(await blog.logIn())).toMatch(/<a href="\/admin\/posts\/\d+">Edit<\/a>/);
    expect(await pageFor(await blog.logIn('ann'))).not.toContain('/admin');
    expect(await pageFor()).not.toContain('/admin');
  });

  it('log in on any page, and are back on it', async () => {
    await blog.store('/?page=2');
    const [, href] = /class="reader" href="([^"]+)"/.exec(await (await blog.get('/?page=2')).text()) ?? [];
    const [, next] = /name="next" value="([^"]+)"/.exec(await (await blog.get(String(href))).text()) ?? [];
    const answer = await blog.post('/login', {
      name: 'ann',
      password: 'ann',
      next: String(next).replace('&#x3D;', '='),
    });
    expect(answer.headers.get('location')).toBe('/?page=2');
  });

  it('who are no editors do not come into the admin area', async () => {
    const ann = await blog.logIn('ann');
    expect((await blog.get('/admin', ann)).status).toBe(403);
    expect((await blog.post('/admin/posts/1/delete', {}, ann)).status).toBe(403);
    expect((await blog.post('/admin/comments/1/delete', {}, ann)).status).toBe(403);
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
    expect(right.headers.get('location')).toBe('/');
  });
});
