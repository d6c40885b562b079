import {
  Controller,
  type DynamicModule,
  Get,
  Header,
  Injectable,
  Module,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import {
  NginxCacheConfigError,
  NginxCacheModule,
  type NginxCacheOptions,
  PageCacheInterceptor,
  PageCacheService,
} from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { adapterFor, PLATFORMS } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

@Controller()
class PageController {
  constructor(private readonly pages: PageCacheService) {}

  @Get('page')
  @Header('content-type', HTML)
  page() {
    return `keys ${this.pages.keysFor('/page').join()}`;
  }
}

/** A module that imports nothing of the page cache. */
@Module({ controllers: [PageController] })
class FeatureModule {}

@UseInterceptors(PageCacheInterceptor)
@Controller('with')
class WithController {
  @Get()
  @Header('content-type', HTML)
  page() {
    return 'x';
  }
}

@Controller('without')
class WithoutController {
  @Get()
  @Header('content-type', HTML)
  page() {
    return 'x';
  }
}

@Module({ controllers: [WithController, WithoutController] })
class SelectiveModule {}

const OPTIONS: NginxCacheOptions = { prefix: 'async:' };

@Injectable()
class OptionsFactory {
  createNginxCacheOptions() {
    return OPTIONS;
  }
}

@Module({ providers: [OptionsFactory, { provide: 'PREFIX', useValue: 'async:' }], exports: [OptionsFactory, 'PREFIX'] })
class ConfigModule {}

async function start(imports: (Type | DynamicModule)[], platform: 'express' | 'fastify' = 'express') {
  const module = await Test.createTestingModule({ imports, providers: [PageLog] }).compile();
  const app = module.createNestApplication(adapterFor(platform), { logger: false });
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

describe.each(PLATFORMS)('on %s', (platform) => {
  it('forRoot() alone caches in memory', async () => {
    const { app, url } = await start([NginxCacheModule.forRoot(), FeatureModule], platform);
    expect(await answer(`${url}/page`)).toBePageCacheMiss();
    await app.get(PageLog).outcome('/page');
    const hit = await answer(`${url}/page`);
    expect(hit).toBePageCacheHit();
    expect(hit.body.toString()).toBe('keys page:/page');
    await app.close();
  });

  it.each<[string, () => DynamicModule]>([
    [
      'useFactory',
      () =>
        NginxCacheModule.forRootAsync({
          imports: [ConfigModule],
          inject: ['PREFIX'],
          useFactory: async (prefix: string) => ({ prefix }),
        }),
    ],
    ['useClass', () => NginxCacheModule.forRootAsync({ useClass: OptionsFactory })],
    ['useExisting', () => NginxCacheModule.forRootAsync({ imports: [ConfigModule], useExisting: OptionsFactory })],
  ])('forRootAsync() takes %s', async (_, module) => {
    const { app, url } = await start([module(), FeatureModule], platform);
    await answer(`${url}/page`);
    await app.get(PageLog).outcome('/page');
    const hit = await answer(`${url}/page`);
    expect(hit).toBePageCacheHit();
    expect(hit.body.toString()).toBe('keys async:/page');
    await app.close();
  });

  it.each<[string, () => DynamicModule]>([
    ['forRoot', () => NginxCacheModule.forRoot({ registerInterceptor: false })],
    ['forRootAsync', () => NginxCacheModule.forRootAsync({ registerInterceptor: false, useFactory: () => ({}) })],
  ])('%s({ registerInterceptor: false }) leaves it to @UseInterceptors()', async (_, module) => {
    const { app, url } = await start([module(), SelectiveModule], platform);
    await answer(`${url}/with`);
    expect(await app.get(PageLog).outcome('/with')).toBe('stored');
    expect(await answer(`${url}/with`)).toBePageCacheHit();
    for (let round = 0; round < 2; round += 1) expect(await answer(`${url}/without`)).toBypassPageCache('no-handler');
    expect(await app.get(PageCacheService).purge('/with')).toMatchObject({ purged: 1 });
    await app.close();
  });

  it('two applications with different options do not mix', async () => {
    const one = await start([NginxCacheModule.forRoot({ prefix: 'one:' }), FeatureModule], platform);
    const two = await start(
      [NginxCacheModule.forRoot({ prefix: 'two:', exclude: ['/page'] }), FeatureModule],
      platform,
    );
    await answer(`${one.url}/page`);
    await one.app.get(PageLog).outcome('/page');
    expect(await answer(`${one.url}/page`)).toBePageCacheHit();
    expect(await answer(`${two.url}/page`)).toBypassPageCache('excluded');
    expect((await answer(`${two.url}/page`)).body.toString()).toBe('keys two:/page');
    expect(await two.app.get(PageCacheService).has('/page')).toBe(false);
    await one.app.close();
    expect(await answer(`${two.url}/page`)).toBypassPageCache('excluded');
    await two.app.close();
  });
});

describe('two imports', () => {
  it.each(['express', 'fastify'] as const)(
    'of forRoot() are refused on %s: a purge could go to the other cache',
    async (platform) => {
      const twice = start(
        [NginxCacheModule.forRoot(), NginxCacheModule.forRoot({ prefix: 'two:' }), FeatureModule],
        platform,
      );
      await expect(twice).rejects.toThrow(NginxCacheConfigError);
      await expect(twice).rejects.toThrow(
        /^NginxCacheModule: 'forRoot\(\) 2 times' is not possible; it must be imported once/,
      );
      const asynchronous = NginxCacheModule.forRootAsync({ useFactory: () => ({}) });
      await expect(start([NginxCacheModule.forRoot(), asynchronous, FeatureModule], platform)).rejects.toThrow(
        /2 times/,
      );
    },
  );

  it('of what one forRoot() has returned are one', async () => {
    const cache = NginxCacheModule.forRoot();
    @Module({ imports: [cache] })
    class OtherModule {}
    const { app, url } = await start([cache, OtherModule, FeatureModule]);
    await answer(`${url}/page`);
    await app.get(PageLog).outcome('/page');
    expect(await answer(`${url}/page`)).toBePageCacheHit();
    await app.close();
  });
});

describe('wrong options', () => {
  it.each<[object, RegExp]>([
    [{ ttl: '5m' }, /^ttl: '5m' is not possible; it must be a number of milliseconds/],
    [{ tttl: 5 }, /^There is no option `tttl`. Did you mean `ttl`?/],
    [{ store: {} }, /^store/],
    [{ exclude: '/admin' }, /^exclude: '\/admin' is not possible; it must be a list/],
    [{ include: ['posts'] }, /^include.0: /],
  ])('%j: refused where the module is made, or when it is', async (options, message) => {
    const wrong = options as NginxCacheOptions;
    expect(() => NginxCacheModule.forRoot(wrong)).toThrow(NginxCacheConfigError);
    expect(() => NginxCacheModule.forRoot(wrong)).toThrow(message);
    const later = start([NginxCacheModule.forRootAsync({ useFactory: () => wrong })]);
    await expect(later).rejects.toThrow(NginxCacheConfigError);
    await expect(later).rejects.toThrow(message);
  });
});
