import { Controller, Get, Header, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { expect, it } from 'vitest';
import {
  OnPageCache,
  PageCacheFailed,
  PageCacheService,
  type PublishReport,
  type PublishSitemapReport,
} from '../../lib/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { answer } from '../support/site.js';

const SITE = 'https://example.com';

@Controller()
class PagesController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return 'a page';
  }

  @Get('sitemap.txt')
  sitemap() {
    return `${SITE}/page\n`;
  }
}

/** Warms the cache up before the application listens, when no visitor can be there. */
@Injectable()
class WarmUp implements OnApplicationBootstrap {
  published: PublishReport | undefined;
  ofSitemap: PublishSitemapReport | undefined;

  constructor(private readonly pages: PageCacheService) {}

  async onApplicationBootstrap() {
    this.ofSitemap = await this.pages.publishSitemap('/sitemap.txt');
    this.published = await this.pages.publish('/page', '/nothing');
  }
}

/** Nest has not made all routes yet. */
@Injectable()
class TooEarly implements OnModuleInit {
  published: PublishReport | undefined;
  error: unknown;

  constructor(private readonly pages: PageCacheService) {}

  @OnPageCache(PageCacheFailed)
  onFailed({ error }: PageCacheFailed) {
    this.error = error;
  }

  async onModuleInit() {
    this.published = await this.pages.publish('/page');
  }
}

it.each(PLATFORMS)('onApplicationBootstrap() can publish, on %s', async (platform) => {
  const controllers = [PagesController];
  const options = { origin: SITE };
  const { app, url } = await startApplication({ platform, controllers, providers: [WarmUp], options });
  const { published, ofSitemap } = app.get(WarmUp);
  expect(ofSitemap).toMatchObject({ published: ['/page'], failed: [], sitemaps: [{ location: '/sitemap.txt' }] });
  expect(published).toMatchObject({ published: ['/page'], purged: ['/nothing'], failed: [] });
  const { body, status } = await answer(`${url}/page`);
  expect(body.toString()).toBe('a page');
  expect(status).toBe('nestjs-nginx-cache; hit');
  await app.close();
});

it('onModuleInit() cannot, on Fastify: the error says so, and the application starts', async () => {
  const { app, url } = await startApplication({
    platform: 'fastify',
    controllers: [PagesController],
    providers: [TooEarly],
    options: { origin: SITE },
    logger: false,
  });
  const { published, error } = app.get(TooEarly);
  expect(published).toMatchObject({ published: [], failed: [{ path: '/page' }] });
  expect(error).toMatchObject({ message: expect.stringContaining('onApplicationBootstrap()') as string });
  expect((await answer(`${url}/page`)).code).toBe(200);
  await app.close();
});
