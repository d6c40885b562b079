import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Header, Injectable, Param, Post } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CurrentPage,
  NoPageCache,
  OnPageCache,
  type PageDraft,
  PageCacheService,
  PageStored,
} from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

/** Deep below a handler, and after something asynchronous. */
@Injectable()
class Repository {
  constructor(private readonly pages: PageCacheService) {}

  async find(id: string): Promise<string> {
    await sleep(Number(id) % 5);
    this.pages.current()?.tag(`post:${id}`);
    await new Promise(setImmediate);
    return `post ${id} ${this.pages.current()?.address.path ?? 'nowhere'}`;
  }
}

@Controller()
class CurrentController {
  constructor(
    private readonly posts: Repository,
    private readonly pages: PageCacheService,
  ) {}

  @Get('posts/:id')
  @Header('content-type', HTML)
  async post(@Param('id') id: string) {
    return this.posts.find(id);
  }

  @Get('drafts/:id')
  @Header('content-type', HTML)
  draft(@CurrentPage() page: PageDraft) {
    page.skip('draft');
    page.skip('not the first reason');
    return 'x';
  }

  @Get('tagged/:id')
  @Header('content-type', HTML)
  tagged(@CurrentPage() page: PageDraft, @Param('id') id: string) {
    page.tag('post', `post:${id}`);
    page.ttl = 7000;
    return page.skipped ?? 'to be stored';
  }

  @Get('uncached')
  @NoPageCache()
  uncached(@CurrentPage() page: PageDraft) {
    page.tag('x');
    page.ttl = 1;
    this.pages.current()?.tag('not mine');
    page.skip('x');
    return `${page.skipped} ${this.pages.current()?.address.path}`;
  }

  @Post('posts')
  save(@CurrentPage() page: PageDraft) {
    page.tag('x');
    return `${page.skipped} ${this.pages.current()?.address.path}`;
  }

  /** Publishes below a handler whose own page is being rendered. */
  @Get('nested')
  @Header('content-type', HTML)
  async nested() {
    await this.pages.publish('/uncached', '/tagged/9');
    return `nested in ${this.pages.current()?.address.path}`;
  }
}

@Injectable()
class StoredLog {
  readonly stored = new Map<string, PageStored>();

  @OnPageCache(PageStored)
  onStored(event: PageStored) {
    this.stored.set(event.address.target, event);
  }
}

describe.each(PLATFORMS)('the page that is being rendered on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({ platform, controllers: [CurrentController], providers: [Repository, StoredLog] });
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
    site.app.get(StoredLog).stored.clear();
  });

  it('can be skipped', async () => {
    const { status } = await site.get('/drafts/1');
    expect(status).toBe('nestjs-nginx-cache; fwd=miss; detail=draft');
    expect(await site.log.outcome('/drafts/1')).toBe('draft');
    expect(await site.memcached.keys()).toEqual([]);
  });

  it('can be tagged, and given another time to live', async () => {
    expect((await site.get('/tagged/1')).body.toString()).toBe('to be stored');
    await site.log.outcome('/tagged/1');
    expect(site.app.get(StoredLog).stored.get('/tagged/1')).toMatchObject({ ttl: 7000, tags: ['post', 'post:1'] });
  });

  it('is there, and without effect, where the cache is bypassed', async () => {
    expect((await site.get('/uncached')).body.toString()).toBe('bypass undefined');
    expect((await site.get('/posts', { method: 'POST' })).body.toString()).toBe('bypass undefined');
    expect((await site.get('/tagged/1', { headers: { cookie: 'a=b' } })).body.toString()).toBe('bypass');
    expect(await site.memcached.keys()).toEqual([]);
  });

  it('is each its own below a hundred handlers at once', async () => {
    const ids = Array.from({ length: 100 }, (_, id) => String(id));
    const bodies = await Promise.all(ids.map(async (id) => (await site.direct(`/posts/${id}`)).body.toString()));
    expect(bodies).toEqual(ids.map((id) => `post ${id} /posts/${id}`));
    await Promise.all(ids.map((id) => site.log.outcome(`/posts/${id}`)));
    const { stored } = site.app.get(StoredLog);
    expect(ids.map((id) => stored.get(`/posts/${id}`)?.tags)).toEqual(ids.map((id) => [`post:${id}`]));
    expect(site.app.get(PageCacheService).current()).toBeUndefined();
  });

  it('is not that of the request around it', async () => {
    expect((await site.direct('/nested')).body.toString()).toBe('nested in /nested');
    expect(await site.log.outcome('/nested')).toBe('stored');
    const { stored } = site.app.get(StoredLog);
    expect(stored.get('/nested')?.tags).toEqual([]);
    expect(stored.get('/tagged/9')?.tags).toEqual(['post', 'post:9']);
  });
});
