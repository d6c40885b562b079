import { describe, expect, it } from 'vitest';
import { PageCacheDashboardModule } from '../../lib/dashboard/index.js';
import { PageKeys } from '../../lib/page/page-key.js';
import { PageStorage } from '../../lib/stores/page-storage.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { DashboardPagesController } from './support/pages.controller.js';

const token = 'a-token-of-the-tests';
const headers = { authorization: `Bearer ${token}` };

interface Selection {
  readonly total: number;
  readonly matching: number;
  readonly isReading: boolean;
  readonly pages: readonly { readonly target: string; readonly size: number }[];
}

describe.each(PLATFORMS)('mounted in an application on %s', (platform) => {
  it('works with the pages of the application, for who knows the token', async () => {
    const { app, url } = await startApplication({
      platform,
      options: { hosts: 'any' },
      imports: [PageCacheDashboardModule.forRoot({ token })],
      controllers: [DashboardPagesController],
      prepare: (one) => void one.setGlobalPrefix('v1'),
    });
    const place = `${url}/v1/page-cache`;
    const ask = async (name: string, init: RequestInit = {}) => {
      const response = await fetch(`${place}/api/${name}`, { headers, ...init });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };

    const moved = await fetch(place, { redirect: 'manual' });
    expect(new URL(moved.headers.get('location')!, place).href).toBe(`${place}/`);
    const page = await fetch(`${place}/`);
    expect(await page.text()).toContain('dashboard.js');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await fetch(`${place}/dashboard.js`)).status).toBe(200);
    expect(await ask('pages', { headers: {} })).toMatchObject({ status: 401 });
    expect(await ask('pages', { headers: { authorization: `Bearer ${token}x` } })).toMatchObject({ status: 401 });

    await fetch(`${url}/v1/posts/1`);
    await expect
      .poll(async () => (await ask('pages')).body)
      .toMatchObject({ total: 1, pages: [{ target: '/v1/posts/1' }] });
    await fetch(`${url}/v1/posts/1`);
    await fetch(`${url}/v1/basket`);
    const { body: activity } = await ask('activity');
    expect(activity).toMatchObject({
      source: { kind: 'application' },
      summary: { requests: 3, hits: { nginx: 0, application: 1 } },
    });
    expect((await ask('why?target=/v1/basket')).body).toMatchObject({ isPage: false, outcome: 'set-cookie' });
    expect((await ask('store')).body).toMatchObject({ kind: 'memory', servers: [{ pages: 1, isReachable: true }] });

    // A parser of the application has read it, or has not.
    const init = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{}' };
    expect(await ask('purge?tag=posts', init)).toMatchObject({ status: 200, body: { purged: 1 } });
    expect((await ask('store')).body).toMatchObject({ purges: [{ time: expect.any(Number), targets: ['tag:posts'] }] });
    expect(await ask('publish?path=/v1/posts/2', init)).toMatchObject({ body: { published: ['/v1/posts/2'] } });
    await expect
      .poll(async () => (await ask('pages')).body)
      .toMatchObject({ total: 1, pages: [{ target: '/v1/posts/2' }] });
    await app.close();
  });
});

it.each(PLATFORMS)('is at its own path on %s if the global prefix excludes it', async (platform) => {
  const { app, url } = await startApplication({
    platform,
    imports: [PageCacheDashboardModule.forRoot({ token })],
    prepare: (one) => void one.setGlobalPrefix('v1', { exclude: ['page-cache', 'page-cache/{*rest}'] }),
  });
  const status = async (target: string) => (await fetch(url + target, { headers, redirect: 'manual' })).status;
  expect(await status('/page-cache')).toBe(308);
  expect(await status('/page-cache/')).toBe(200);
  expect(await status('/page-cache/api/site')).toBe(200);
  expect(await status('/v1/page-cache/')).toBe(404);
  expect(await status('/page-cachex')).toBe(404);
  await app.close();
});

it('searches and sorts many pages itself, and sends a few', async () => {
  const { app, url } = await startApplication({
    platform: 'express',
    options: { hosts: 'any' },
    imports: [PageCacheDashboardModule.forRoot({ token })],
  });
  const storage = app.get(PageStorage);
  const headersOfPage = [['content-type', 'text/html']] as const;
  for (let at = 0; at < 5000; at += 1) {
    const [address] = app.get(PageKeys).ofPath(`/posts/${at}`, undefined, '');
    const write = await storage.renew(address!, storage.arrive());
    const body = Buffer.alloc(at % 100, 'x');
    await write!.commit({ status: 200, headers: headersOfPage, body, tags: [`of:${at % 10}`] }, 0);
  }
  const select = async (query: string) => {
    for (;;) {
      const response = await fetch(`${url}/page-cache/api/pages?${query}`, { headers });
      const selection = (await response.json()) as Selection;
      if (!selection.isReading) return selection;
    }
  };

  const first = await select('limit=100000');
  expect(first).toMatchObject({ total: 5000, matching: 5000 });
  expect(first.pages).toHaveLength(200);
  const targets = ({ pages }: Awaited<ReturnType<typeof select>>) => pages.map(({ target }) => target);
  expect(await select('search=POSTS/49%20tag:of:3')).toMatchObject({ matching: 11 });
  expect(targets(await select('search=posts/499&limit=3&offset=2'))).toEqual([
    '/posts/4991',
    '/posts/4992',
    '/posts/4993',
  ]);
  expect(targets(await select('search=posts/499&limit=2&descending'))).toEqual(['/posts/4999', '/posts/4998']);
  const { pages } = await select('order=size&descending&limit=10');
  expect(new Set(pages.map(({ target }) => Number(target.slice('/posts/'.length)) % 100))).toEqual(new Set([99]));
  await app.close();
});

it('is not there unless it is imported', async () => {
  const { app, url } = await startApplication({ platform: 'express' });
  for (const place of ['/page-cache', '/page-cache/', '/page-cache/api/pages']) {
    expect((await fetch(url + place, { headers })).status).toBe(404);
  }
  await app.close();
});
