import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  HttpException,
  Injectable,
  NotFoundException,
  Param,
  Render,
  Req,
  Res,
  Sse,
  UseGuards,
} from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import compression from 'compression';
import { concat, NEVER, of } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DependentPaths, NoPageCache, PageCache, PageCacheService } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

@Injectable()
class AnonymousGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    return context.switchToHttp().getRequest<{ headers: { denied?: string } }>().headers.denied === undefined;
  }
}

@Injectable()
class ClosedGuard implements CanActivate {
  canActivate() {
    return false;
  }
}

@Controller()
class PublishedController {
  static readonly gone = new Set<string>();
  static readonly statuses = new Map<string, number>();
  static renders = 0;

  @Get('posts/:id')
  @Header('content-type', HTML)
  post(@Param('id') id: string) {
    if (PublishedController.gone.has(id)) throw new NotFoundException();
    const status = PublishedController.statuses.get(id);
    if (status !== undefined) throw new HttpException('not now', status);
    return `post ${id} render ${(PublishedController.renders += 1)} ${'ä'.repeat(3000)}`;
  }

  @Get('chunked')
  chunked(@Res() response: ServerResponse) {
    raw(response).writeHead(200, { 'Content-Type': HTML });
    raw(response).write('one ');
    setImmediate(() => raw(response).end('two'));
  }

  @Get('rendered')
  @Render('page')
  rendered() {
    return { title: 'rendered', text: 'x' };
  }

  @Get('let-in')
  @PageCache({ public: true })
  @UseGuards(AnonymousGuard)
  @Header('content-type', HTML)
  letIn() {
    return 'let in';
  }

  @Get('shut-out')
  @PageCache({ public: true })
  @UseGuards(ClosedGuard)
  shutOut() {
    return 'never';
  }

  @Get('never')
  @NoPageCache()
  never() {
    return 'x';
  }

  @Get('private')
  @Header('cache-control', 'private')
  @Header('content-type', HTML)
  private() {
    return 'x';
  }

  @Get('admin/page')
  @Header('content-type', HTML)
  admin() {
    return 'x';
  }

  @Get('destroyed')
  destroyed(@Res() response: ServerResponse) {
    raw(response).writeHead(200, { 'Content-Type': HTML });
    raw(response).write('half');
    raw(response).destroy();
  }

  @Sse('events')
  events() {
    return concat(of({ data: 'x' }), NEVER);
  }

  @Get('host')
  @Header('content-type', HTML)
  host(@Req() request: IncomingMessage) {
    return `host ${request.headers.host}`;
  }
}

class Post implements DependentPaths {
  constructor(private readonly id: string) {}
  async dependentPaths() {
    return [`/posts/${this.id}`, '/chunked'];
  }
}

describe.each(PLATFORMS)('publish() on %s', (platform) => {
  let site: Site;
  let pages: PageCacheService;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [PublishedController],
      options: { requestFields: { ignore: ['Denied'] }, exclude: ['/admin/*'] },
      prepare: (app) => {
        app.use(compression({ threshold: 0 }));
      },
    });
    pages = site.app.get(PageCacheService);
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    PublishedController.gone.clear();
    PublishedController.statuses.clear();
  });

  it.each(['/posts/1', '/posts/größe ecke', '/chunked', '/rendered', '/let-in'])(
    'renders and stores %s, which nginx then serves',
    async (path) => {
      const report = await pages.publish(path);
      const [published] = report.published;
      expect(report).toMatchObject({ published: [expect.any(String)], purged: [], skipped: [] });
      const hit = await site.get(published as string);
      expect(hit).toBePageCacheHit();
      const rendered = await site.direct(published as string, { headers: { 'x-page-cache-key': 'bypass' } });
      const withoutCount = (body: Buffer) => body.toString().replace(/render \d+/, '');
      expect(withoutCount(hit.body)).toBe(withoutCount(rendered.body));
    },
  );

  it('takes entities and replaces what is stored', async () => {
    await pages.publish('/posts/1');
    const before = (await site.get('/posts/1')).body;
    expect((await pages.publish(new Post('1'))).published).toEqual(['/posts/1', '/chunked']);
    const after = await site.get('/posts/1');
    expect(after).toBePageCacheHit();
    expect(after.body.equals(before)).toBe(false);
  });

  it('purges what is no page any more', async () => {
    await pages.publish('/posts/1');
    PublishedController.gone.add('1');
    expect(await pages.publish('/posts/1')).toMatchObject({ published: [], purged: ['/posts/1'], skipped: [] });
    expect(await site.memcached.keys()).toEqual([]);
    expect((await site.get('/posts/1')).code).toBe(404);
  });

  it.each(['/nowhere', '/shut-out'])('purges %s, and does not throw', async (path) => {
    await site.memcached.send(`set page:${path} 0 0 3\r\nold`);
    expect(await pages.publish(path)).toMatchObject({ published: [], purged: [path], skipped: [] });
    expect(await site.memcached.keys()).toEqual([]);
  });

  it('purges what visitors have to pay for now: they get no page from nginx any more', async () => {
    await pages.publish('/posts/1');
    PublishedController.statuses.set('1', 402);
    expect(await pages.refresh('/posts/1')).toMatchObject({ published: [], purged: ['/posts/1'], failed: [] });
    expect((await site.get('/posts/1')).code).toBe(402);
  });

  it('keeps what it cannot render, and says so', async () => {
    await site.memcached.send(`set page:/destroyed 0 0 3\r\nold`);
    expect(await pages.publish('/destroyed')).toMatchObject({
      published: [],
      purged: [],
      skipped: [],
      failed: [{ path: '/destroyed' }],
    });
    expect(await site.memcached.keys()).toEqual(['page:/destroyed']);
  });

  it.each([
    ['/never', 'no-page-cache'],
    ['/private', 'private'],
    ['/admin/page', 'excluded'],
    ['/events', 'event-stream'],
  ])('skips %s, says why, and purges what was stored', async (path, reason) => {
    await site.memcached.send(`set page:${path} 0 0 3\r\nold`);
    expect(await pages.publish(path)).toMatchObject({ published: [], purged: [], skipped: [{ path, reason }] });
    expect(await site.memcached.keys()).toEqual([]);
  });

  it('cannot be pretended by a visitor', async () => {
    expect(await site.direct('/posts/1', { headers: { cookie: 'sid=1' } })).toBypassPageCache('cookie');
  });
});

describe.each(PLATFORMS)('publish() with hosts on %s', (platform) => {
  it('renders the page of each host, or of the one of the URL', async () => {
    await using site = await startSite({
      platform,
      controllers: [PublishedController],
      options: { hosts: ['a.example', 'b.example'] },
    });
    const pages = site.app.get(PageCacheService);
    await pages.publish('/host');
    expect((await site.memcached.keys()).sort()).toEqual(['page:a.example/host', 'page:b.example/host']);
    expect((await site.memcached.send('mg page:b.example/host v')).split('\r\n')[1]).toBe('host b.example');
    await site.memcached.flush();
    await pages.publish(new URL('https://b.example/host'));
    expect(await site.memcached.keys()).toEqual(['page:b.example/host']);
  });
});
