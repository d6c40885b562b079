import { CACHE_MANAGER, type Cache, CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Header, Inject, Module, UseInterceptors } from '@nestjs/common';
import { Keyv } from 'keyv';
import { expect, it } from 'vitest';
import { NoPageCache, PageCacheService } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class OwnCacheController {
  static renders = 0;

  constructor(@Inject(CACHE_MANAGER) readonly cache: Cache) {}

  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  async page() {
    await this.cache.set('own', 'value');
    return 'page';
  }

  @Get('api')
  @NoPageCache()
  @UseInterceptors(CacheInterceptor)
  api() {
    return { renders: (OwnCacheController.renders += 1) };
  }
}

const own = new Map<unknown, unknown>();

@Module({ imports: [CacheModule.register()], controllers: [OwnCacheController] })
class LocalModule {}

@Module({ controllers: [OwnCacheController] })
class GlobalModule {}

it.each(
  PLATFORMS.flatMap((platform) => [
    { platform, name: 'of a module', imports: [LocalModule] },
    {
      platform,
      name: 'of the whole application',
      imports: [CacheModule.register({ isGlobal: true, stores: [new Keyv({ store: own })] }), GlobalModule],
    },
  ]),
)('a cache $name is left alone on $platform', async ({ platform, imports }) => {
  own.clear();
  const { app, url } = await startApplication({ platform, imports, providers: [PageLog] });
  const controller = app.get(OwnCacheController, { strict: false });
  await answer(`${url}/page`);
  await app.get(PageLog).outcome('/page');
  expect(await answer(`${url}/page`)).toBePageCacheHit();
  expect(await controller.cache.get('own')).toBe('value');
  expect(await controller.cache.get('page:/page')).toBeUndefined();
  if (own.size > 0) expect([...own.keys()]).toEqual(['keyv:own']);

  // CacheInterceptor goes on as before.
  const first = (await answer(`${url}/api`)).body.toString();
  expect((await answer(`${url}/api`)).body.toString()).toBe(first);

  await controller.cache.clear();
  expect(await app.get(PageCacheService).has('/page')).toBe(true);
  await app.get(PageCacheService).purgeAll();
  expect(await app.get(PageCacheService).has('/page')).toBe(false);
  await app.close();
});
