import { Controller, Get, Header, NotFoundException, Param } from '@nestjs/common';
import { memoryStore, PageCacheService } from 'nestjs-nginx-cache';
import { startApplication } from '../../support/applications.js';
import { PageLog } from '../../support/page-log.js';
import { patiently, patientStore } from '../../support/patience.js';
import { PurgeLog } from '../../support/purge-log.js';
import { answer } from '../../support/site.js';
import { StalePages } from '../stale-pages.js';

/** What the pages show. */
export interface ShownPosts {
  all(): Promise<{ title: string }[]>;
  bySlug(slug: string): Promise<{ title: string } | null | undefined>;
}

@Controller()
class PostsController {
  posts: ShownPosts = { all: () => Promise.resolve([]), bySlug: () => Promise.resolve(null) };

  @Get()
  @Header('content-type', 'text/html')
  async list(): Promise<string> {
    return ['Posts', ...(await this.posts.all()).map(({ title }) => title).sort()].join(' ');
  }

  @Get('posts/:slug')
  @Header('content-type', 'text/html')
  async post(@Param('slug') slug: string): Promise<string> {
    const post = await this.posts.bySlug(slug);
    if (!post) throw new NotFoundException();
    return post.title;
  }
}

/** An application with a page cache. @param memcached an address; default: pages in memory */
export async function startRecipe(memcached?: string) {
  const { app, url } = await startApplication({
    isPatient: true,
    platform: 'express',
    options: { store: memcached ? patientStore(memcached) : memoryStore() },
    controllers: [PostsController],
    providers: [
      PageLog,
      PurgeLog,
      // Vitest does not tell Nest the types of constructors.
      {
        provide: StalePages,
        inject: [PageCacheService],
        useFactory: (pages: PageCacheService) => new StalePages(pages),
      },
    ],
    logger: false,
  });
  const log = app.get(PageLog);
  return {
    stale: app.get(StalePages),
    purges: app.get(PurgeLog),
    pages: app.get(PageCacheService),
    show(posts: ShownPosts) {
      app.get(PostsController).posts = posts;
    },
    /** `hit`, `stored` or the code, then the page; a page that may be stored is, when this resolves. */
    async get(path: string): Promise<string> {
      log.forget();
      const { code, body, status } = await patiently(
        () => answer(url + path),
        (one) => one.status,
      );
      if (code !== 200) return String(code);
      if (!status.includes('fwd=')) return `hit: ${body.toString()}`;
      return `${await log.outcome(path)}: ${body.toString()}`;
    },
    close: () => app.close(),
  };
}
