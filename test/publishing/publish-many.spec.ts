import { Controller, Get, Header, HttpException, Param, Query, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OnPageCache, PageCacheService, type PublishProgress, PublishProgressed } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class ManyController {
  static readonly renders: string[] = [];
  static readonly failures = new Map<string, { status: number; times: number; after?: string }>();
  static readonly gates = new Map<string, Gate>();
  static readonly progress: PublishProgress[] = [];

  @OnPageCache(PublishProgressed)
  onProgress({ progress }: PublishProgressed) {
    ManyController.progress.push(progress);
  }

  @Get('posts/:id')
  async post(@Param('id') id: string, @Query('page') page: string | undefined, @Res() response: ServerResponse) {
    ManyController.renders.push(id);
    await ManyController.gates.get(id)?.pass();
    const failure = ManyController.failures.get(id);
    const answer = raw(response);
    if (failure && failure.times > 0) {
      failure.times -= 1;
      answer.writeHead(failure.status, failure.after === undefined ? {} : { 'retry-after': failure.after });
      answer.end('no');
      return;
    }
    answer.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    answer.end(`post ${id} page ${page ?? '1'} render ${ManyController.renders.length}`);
  }

  @Get('gone')
  gone() {
    throw new HttpException('gone', 410);
  }

  @Get('private')
  @Header('cache-control', 'private')
  private() {
    return 'x';
  }
}

const paths = (count: number) => Array.from({ length: count }, (_, index) => `/posts/${index}`);

describe.each(PLATFORMS)('publishMany() on %s', (platform) => {
  let site: Site;
  let pages: PageCacheService;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [ManyController],
      options: { query: { allow: ['page'] }, exclude: ['/admin/*'] },
    });
    pages = site.app.get(PageCacheService);
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await pages.purgeAll();
    for (const state of [ManyController.failures, ManyController.gates]) state.clear();
    ManyController.renders.length = 0;
    ManyController.progress.length = 0;
  });

  it('stores hundreds of pages, which nginx serves, and reports them in order', async () => {
    const seen: PublishProgress[] = [];
    const report = await pages.publishMany(paths(300), { onProgress: (progress) => seen.push(progress) });
    expect(report).toMatchObject({ published: paths(300), failed: [], isComplete: true });
    expect(await site.get('/posts/299')).toBePageCacheHit();
    expect(seen.map(({ done }) => done)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    expect(seen.at(-1)).toMatchObject({ result: 'published', total: 300 });
    expect(ManyController.progress).toEqual(seen);
  });

  it('takes addresses as they come, each once, with their queries', async () => {
    async function* come() {
      yield '/posts/1';
      yield '/posts/1?page=2';
      yield new URL('https://example.com/posts/1');
    }
    const { published } = await pages.publishMany(come());
    expect(published).toEqual(['/posts/1', '/posts/1?page=2']);
    expect((await site.memcached.keys()).sort()).toEqual(['page:/posts/1', 'page:/posts/1?page=2']);
    expect(ManyController.progress.map(({ total }) => total)).toEqual([undefined, undefined]);
  });

  it('reports what is no page, and does not ask for what cannot be one', async () => {
    const report = await pages.publishMany(['/gone', '/private', '/posts/1?sort=asc', '/admin/1', '/posts/2']);
    expect(report).toMatchObject({
      published: ['/posts/2'],
      purged: ['/gone'],
      skipped: [
        { path: '/private', reason: 'private' },
        { path: '/posts/1?sort=asc', reason: 'query' },
        { path: '/admin/1', reason: 'excluded' },
      ],
    });
    expect(ManyController.renders).toEqual(['2']);
  });

  it('replaces what is stored, or leaves it alone', async () => {
    await pages.publish('/posts/0');
    const before = (await site.get('/posts/0')).body.toString();
    expect(await pages.publishMany(paths(2), { skipStored: true })).toMatchObject({
      published: ['/posts/1'],
      kept: ['/posts/0'],
    });
    expect((await site.get('/posts/0')).body.toString()).toBe(before);
    expect(await pages.publishMany(paths(2))).toMatchObject({ published: paths(2), kept: [] });
    expect((await site.get('/posts/0')).body.toString()).not.toBe(before);
  });

  it('keeps what cannot be rendered now, and asks again where the application is too busy', async () => {
    await pages.publishMany(paths(4));
    ManyController.failures.set('0', { status: 500, times: Infinity });
    ManyController.failures.set('1', { status: 429, times: 1, after: '0' });
    ManyController.failures.set('2', { status: 503, times: Infinity, after: '0' });
    ManyController.renders.length = 0;
    const report = await pages.publishMany(paths(4));
    expect(report).toMatchObject({
      published: ['/posts/1', '/posts/3'],
      purged: [],
      skipped: [],
      failed: [
        { path: '/posts/0', status: 500 },
        { path: '/posts/2', status: 503 },
      ],
    });
    expect(ManyController.renders.toSorted()).toEqual(['0', '1', '1', '2', '2', '2', '3']);
    for (const path of paths(4)) expect(await site.get(path)).toBePageCacheHit();
  });

  it('ends at the signal, also while it waits: what is stored stays, and nothing is half done', async () => {
    const stop = new AbortController();
    const gate = new Gate();
    ManyController.gates.set('5', gate);
    const publishing = pages.publishMany(paths(20), { signal: stop.signal, concurrency: 1 });
    await gate.reached;
    stop.abort();
    expect(await publishing).toMatchObject({ published: paths(5), failed: [], isComplete: false });
    gate.open();
    expect((await site.memcached.keys()).sort()).toEqual(paths(5).map((path) => `page:${path}`));

    ManyController.failures.set('7', { status: 429, times: Infinity, after: '3600' });
    const later = new AbortController();
    const waiting = pages.publishMany(['/posts/7', '/posts/8'], { signal: later.signal, concurrency: 1 });
    await expect.poll(() => ManyController.renders).toContain('7');
    later.abort();
    expect(await waiting).toMatchObject({ published: [], failed: [], isComplete: false });
  });

  it('stops when its caller throws, and names a wrong option', async () => {
    const throws = () => {
      throw new Error('enough');
    };
    await expect(pages.publishMany(paths(50), { onProgress: throws })).rejects.toThrow('enough');
    expect(ManyController.renders.length).toBeLessThan(50);
    await expect(pages.publishMany('/posts/1')).rejects.toThrow('takes a list');
    await expect(pages.publishMany([], { concurrency: 0 })).rejects.toThrow(
      'publishMany.concurrency: 0 is not possible; it must be a whole number of pages from 1',
    );
  });
});

it('publishMany() with a store that is away reports it, purges nothing, and does not throw', async () => {
  await using site = await startSite({ platform: 'express', controllers: [ManyController] }, {}, { isPatient: false });
  const pages = site.app.get(PageCacheService);
  await site.memcached.stop();
  const { failed, purged, published } = await pages.publishMany(paths(3));
  expect({ published, purged }).toEqual({ published: [], purged: [] });
  expect(failed).toEqual(paths(3).map((path) => ({ path, reason: 'store-down' })));
});

it('publishMany() publishes every variant', async () => {
  const variants = [{ name: 'lang', cookie: 'lang', values: ['en', 'de'], default: 'en' }];
  await using site = await startSite({ platform: 'fastify', controllers: [ManyController], options: { variants } });
  const { published } = await site.app.get(PageCacheService).publishMany(['/posts/1']);
  expect(published).toEqual(['/posts/1']);
  expect((await site.memcached.keys()).sort()).toEqual(['page:;lang=de/posts/1', 'page:;lang=en/posts/1']);
});
