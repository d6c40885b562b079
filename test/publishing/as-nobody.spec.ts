import { AsyncLocalStorage } from 'node:async_hooks';
import { Controller, Get, Header, HttpCode, Injectable, Post, Req } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NoPageCache, PageCacheService, PurgePages } from '../../lib/index.js';
import { PLATFORMS } from '../support/applications.js';
import { type Site, startSite } from '../support/site.js';

interface Context {
  readonly user: string;
}

const context = new AsyncLocalStorage<Context>();

@Injectable()
class Drafts {
  /** What the page shows, as code far below the handler would find it: the user, a request-scoped transaction, … */
  visible(): string {
    return context.getStore()?.user ?? 'nobody';
  }
}

@Controller()
class BlogController {
  constructor(
    private readonly pages: PageCacheService,
    private readonly drafts: Drafts,
  ) {}

  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page(@Req() request: IncomingMessage) {
    return `page for ${this.drafts.visible()} ${request.url}`;
  }

  @Post('publish')
  @NoPageCache()
  @HttpCode(200)
  publish() {
    return this.pages.publish('/page');
  }

  @Post('refresh')
  @NoPageCache()
  @HttpCode(200)
  refresh() {
    return this.pages.refresh('/page');
  }

  @Post('decorated')
  @NoPageCache()
  @HttpCode(200)
  @PurgePages({ refresh: true }, '/page')
  decorated() {
    return 'done';
  }
}

describe.each(PLATFORMS)('what is published inside of a request, on %s', (platform) => {
  let site: Site;

  beforeAll(async () => {
    site = await startSite({
      // Nobody is admitted by it, and that is looked at here.
      options: { requestFields: { ignore: ['X-User'] } },
      platform,
      controllers: [BlogController],
      providers: [Drafts],
      // As nestjs-cls or a request-scoped transaction does it.
      prepare: (app) => {
        app.use((request: IncomingMessage, _response: unknown, next: () => void) => {
          const user = request.headers['x-user'];
          if (typeof user === 'string') context.run({ user }, next);
          else next();
        });
      },
    });
  });
  afterAll(() => site.stop());

  it.each(['publish', 'refresh', 'decorated'])('%s renders the page as nobody', async (way) => {
    const pages = site.app.get(PageCacheService);
    await pages.purgeAll();
    if (way !== 'publish') await pages.publish('/page');
    const { code } = await site.direct(`/${way}`, { method: 'POST', headers: { 'x-user': 'admin' } });
    expect(code).toBe(200);
    // A visitor does not wait for ever for what `@PurgePages()` renders.
    await expect.poll(async () => (await pages.get('/page'))?.body.toString()).toBe('page for nobody /page');
  });
});
