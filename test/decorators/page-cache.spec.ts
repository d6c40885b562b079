import { Controller, type ExecutionContext, Get, Header, Injectable } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  NginxCacheConfigError,
  NoPageCache,
  OnPageCache,
  PageCache,
  PageCacheFailed,
  PageStored,
} from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';
const target = (context: ExecutionContext) => context.switchToHttp().getRequest<{ url: string }>().url;
const throws = (): never => {
  throw new Error('thrown by an option');
};

@PageCache({ ttl: 60_000, tags: ['controller'], query: ['page'] })
@Controller('decorated')
class DecoratedController {
  @Get('inherits')
  @Header('content-type', HTML)
  inherits() {
    return 'x';
  }

  @Get('overrides')
  @PageCache({ ttl: 10_000, tags: (context) => [`of ${target(context)}`] })
  @Header('content-type', HTML)
  overrides() {
    return 'x';
  }

  @Get('reads-all')
  @PageCache({ query: ['page', 'sort'] })
  @Header('content-type', HTML)
  readsAll() {
    return 'x';
  }

  @Get('reads-nothing')
  @PageCache({ query: [] })
  @Header('content-type', HTML)
  readsNothing() {
    return 'x';
  }

  @Get('skip-if/:yes')
  @PageCache({ skipIf: (context) => target(context).endsWith('yes') })
  @Header('content-type', HTML)
  skipIf() {
    return 'x';
  }

  @Get('tags-throw')
  @PageCache({ tags: throws })
  @Header('content-type', HTML)
  tagsThrow() {
    return 'x';
  }

  @Get('skip-if-throws')
  @PageCache({ skipIf: throws })
  @Header('content-type', HTML)
  skipIfThrows() {
    return 'x';
  }

  @Get('never')
  @NoPageCache()
  @Header('content-type', HTML)
  never() {
    return 'x';
  }
}

@NoPageCache()
@Controller('never')
class NeverController {
  @Get('inherits')
  @Header('content-type', HTML)
  inherits() {
    return 'x';
  }

  @Get('still')
  @PageCache()
  @Header('content-type', HTML)
  still() {
    return 'x';
  }
}

@Injectable()
class StoredLog {
  readonly stored = new Map<string, PageStored>();
  readonly failed: PageCacheFailed[] = [];

  @OnPageCache(PageStored)
  onStored(event: PageStored) {
    this.stored.set(event.address.target, event);
  }

  @OnPageCache(PageCacheFailed)
  onFailed(event: PageCacheFailed) {
    this.failed.push(event);
  }
}

describe.each(PLATFORMS)('@PageCache() on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [DecoratedController, NeverController],
      providers: [StoredLog],
      options: { query: { allow: ['page', 'sort'] } },
    });
  });
  afterAll(() => site?.stop());
  beforeEach(() => site.log.forget());

  it.each([
    ['inherits', 60_000, ['controller']],
    ['overrides', 10_000, ['controller', 'of /decorated/overrides']],
    ['reads-all', 60_000, ['controller']],
  ])('%s: ttl %d, tags %j', async (name, ttl, tags) => {
    await site.get(`/decorated/${name}`);
    expect(await site.log.outcome(`/decorated/${name}`)).toBe('stored');
    expect(site.app.get(StoredLog).stored.get(`/decorated/${name}`)).toMatchObject({ ttl, tags });
  });

  it.each([
    ['inherits?page=1', 'stored'],
    ['inherits?sort=1', 'query'],
    ['inherits?page=1&sort=1', 'query'],
    // What the controller says of the query holds for handlers that say other things.
    ['overrides?sort=1', 'query'],
    ['reads-all?page=1&sort=2', 'stored'],
    ['reads-nothing?page=1', 'query'],
    ['reads-nothing', 'stored'],
  ])('/decorated/%s: %s', async (path, outcome) => {
    await site.get(`/decorated/${path}`);
    expect(await site.log.outcome(`/decorated/${path}`)).toBe(outcome);
  });

  it('skipIf keeps single requests out', async () => {
    await site.get('/decorated/skip-if/no');
    expect(await site.log.outcome('/decorated/skip-if/no')).toBe('stored');
    expect(await site.get('/decorated/skip-if/yes')).toBypassPageCache('skip-if');
    expect(await site.direct('/decorated/skip-if/yes')).toBypassPageCache('skip-if');
  });

  it('an option that throws does not break the answer', async () => {
    for (const name of ['tags-throw', 'skip-if-throws']) {
      const response = await site.get(`/decorated/${name}`);
      expect([response.code, response.body.toString()]).toEqual([200, 'x']);
      expect(response.status).toContain('detail=listener-error');
    }
    expect(site.app.get(StoredLog).failed.map(({ error }) => (error as Error).message)).toEqual([
      'thrown by an option',
      'thrown by an option',
    ]);
    expect((await site.memcached.keys()).filter((key) => key.includes('throw'))).toEqual([]);
  });

  it.each(['/decorated/never', '/never/inherits', '/never/still'])('@NoPageCache() keeps %s out', async (path) => {
    await site.memcached.send(`set page:${path} 0 0 6\r\nstored`);
    const response = await site.direct(path);
    expect(response).toBypassPageCache('no-page-cache');
    expect(response.body.toString()).toBe('x');
    await site.memcached.send(`delete page:${path}`);
    expect(await site.get(path)).toBypassPageCache('no-page-cache');
    expect(await site.memcached.keys()).not.toContain(`page:${path}`);
  });
});

it.each([
  [{ ttl: -1 }, /^@PageCache.ttl: -1 is not possible; it must be a number of milliseconds/],
  [{ ttl: '5m' }, /^@PageCache.ttl: '5m'/],
  [{ tags: 'posts' }, /^@PageCache.tags: 'posts' is not possible; it must be a list of tags/],
  [{ query: 'page' }, /^@PageCache.query: 'page'/],
  [{ skipIf: true }, /^@PageCache.skipIf: true/],
])('@PageCache(%j) is refused', (options, message) => {
  expect(() => PageCache(options as never)).toThrow(NginxCacheConfigError);
  expect(() => PageCache(options as never)).toThrow(message);
});
