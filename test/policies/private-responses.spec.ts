import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  type INestApplication,
  Injectable,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import session from 'express-session';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OnPageCache, PageCache, PageRendered, PageRequested, PageResponding } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

interface Reply {
  header(name: string, value: string | string[]): Reply;
  send(body: string): void;
}

/** As Passport does: on the framework's request. */
@Injectable()
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    context.switchToHttp().getRequest<{ user?: unknown }>().user = { id: 7 };
    return true;
  }
}

@Controller()
class PrivateController {
  @Get('set-cookie')
  setCookie(@Res() reply: Reply) {
    reply.header('content-type', HTML).header('Set-Cookie', 'a=b').send('x');
  }

  @Get('set-cookie-raw')
  setCookieRaw(@Res() reply: ServerResponse) {
    raw(reply).writeHead(200, ['Content-Type', HTML, 'sEt-CoOkIe', 'a=b']);
    raw(reply).end('x');
  }

  @Get('by-middleware/:what')
  @Header('content-type', HTML)
  byMiddleware() {
    return 'x';
  }

  @Get('session/new')
  @Header('content-type', HTML)
  newSession(@Req() request: IncomingMessage) {
    (raw(request) as IncomingMessage & { session: Record<string, unknown> }).session['views'] = 1;
    return 'x';
  }

  @Get('session/empty')
  @Header('content-type', HTML)
  emptySession() {
    return 'x';
  }

  @Get('plain-session')
  @Header('content-type', HTML)
  plainSession(@Req() request: { session?: object; raw?: object }) {
    Object.assign(request, { session: { cart: ['book'] } });
    return 'x';
  }

  @Get('user')
  @PageCache({ public: true })
  @UseGuards(UserGuard)
  @Header('content-type', HTML)
  user() {
    return 'x';
  }

  @Get(['vip', 'vip-later'])
  @Header('content-type', HTML)
  vip() {
    return 'x';
  }

  @Get('field/:index')
  field(@Req() request: { params: { index: string } }, @Res() reply: Reply) {
    const [name, value] = FIELDS[Number(request.params.index)] as Field;
    reply.header('content-type', HTML).header(name, value).send('x');
  }

  @Get('throws/:when')
  @Header('content-type', HTML)
  throws() {
    return 'x';
  }
}

type Field = readonly [name: string, value: string | string[], reason: string];
const FIELDS: readonly Field[] = [
  ['Cache-Control', 'private', 'private'],
  ['Cache-Control', 'no-store', 'no-store'],
  ['Cache-Control', 'no-cache', 'no-cache'],
  ['Cache-Control', 'max-age=60, No-Store', 'no-store'],
  ['CACHE-CONTROL', 'PRIVATE="x", max-age=60', 'private'],
  ['cache-control', ['public', 'private'], 'private'],
  ['Cache-Control', ' max-age=60 ,no-cache="set-cookie"', 'no-cache'],
  ['Cache-Control', 'public, max-age=60', 'stored'],
  ['Cache-Control', 'x-private, no-cacheable', 'stored'],
  ['Vary', 'Cookie', 'vary'],
  ['Vary', '*', 'vary'],
  ['Vary', 'Accept-Encoding, User-Agent', 'vary'],
  ['vary', ['accept-encoding', 'Accept-Language'], 'vary'],
  ['Vary', 'accept-encoding', 'stored'],
];

@Injectable()
class ThrowingListener {
  @OnPageCache(PageRequested)
  requested({ head }: PageRequested): unknown {
    if (head.target === '/throws/requested') throw new Error('requested');
    return head.target === '/throws/requested-later' ? Promise.reject(new Error('later')) : undefined;
  }

  @OnPageCache(PageResponding)
  responding({ draft }: PageResponding): unknown {
    if (draft.address.path === '/throws/responding') throw new Error('responding');
    return draft.address.path === '/throws/responding-later' ? Promise.reject(new Error('later')) : undefined;
  }

  @OnPageCache(PageRendered)
  rendered({ draft }: PageRendered): unknown {
    if (draft.address.path === '/throws/rendered') throw new Error('rendered');
    return draft.address.path === '/throws/rendered-later' ? Promise.reject(new Error('later')) : undefined;
  }
}

/** What middleware does that knows nothing of Nest. On Fastify, too, it gets Node's own request and response. */
function middleware(app: INestApplication): void {
  const store = session({ secret: 'x', resave: false, saveUninitialized: true });
  app.use(
    (
      request: IncomingMessage & { originalUrl?: string; user?: unknown },
      response: ServerResponse,
      next: () => void,
    ) => {
      const target = request.originalUrl ?? request.url ?? '';
      if (target.startsWith('/session/')) return store(request as never, response as never, next);
      if (target === '/by-middleware/cookie') response.setHeader('Set-Cookie', 'a=b');
      if (target === '/by-middleware/user') request.user = { id: 7 };
      if (target === '/by-middleware/session') Object.assign(request, { session: { cart: ['book'] } });
      next();
    },
  );
}

describe.each(PLATFORMS)('a private response on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [PrivateController],
      providers: [ThrowingListener],
      options: {
        anonymousOnly: {
          // TypeScript would not let a promise through, JavaScript does.
          isAnonymous: ({ url }) => (url === '/vip-later' ? (Promise.resolve(false) as never) : url !== '/vip'),
        },
      },
      prepare: middleware,
      logger: false,
    });
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  const cases: [target: string, reason: string][] = [
    ['/set-cookie', 'set-cookie'],
    ['/set-cookie-raw', 'set-cookie'],
    ['/by-middleware/cookie', 'set-cookie'],
    ['/session/new', 'session'],
    ['/session/empty', 'set-cookie'],
    ['/plain-session', 'session'],
    ['/vip', 'not-anonymous'],
    ['/vip-later', 'not-anonymous'],
    ['/throws/responding', 'listener-error'],
    ...FIELDS.flatMap(([, , reason], index): [string, string][] =>
      reason === 'stored' ? [] : [[`/field/${index}`, reason]],
    ),
  ];

  it.each(cases)('of %s is not stored: %s', async (target, reason) => {
    for (const ask of [site.get, site.direct]) {
      site.log.forget();
      const answer = await ask(target);
      expect(answer.code).toBe(200);
      expect(answer.body.toString()).toBe('x');
      expect(answer.status).toBe(`nestjs-nginx-cache; fwd=miss; detail=${reason}`);
      expect(await site.log.outcome(target)).toBe(reason);
    }
    expect(await site.memcached.keys()).toEqual([]);
  });

  it.each(['/throws/rendered', '/throws/rendered-later', '/throws/responding-later'])(
    'of %s is not stored although its header left before',
    async (target) => {
      for (const ask of [site.get, site.direct]) {
        site.log.forget();
        expect((await ask(target)).body.toString()).toBe('x');
        expect(await site.log.outcome(target)).toBe('listener-error');
      }
      expect(await site.memcached.keys()).toEqual([]);
    },
  );

  it.each(['/throws/requested', '/throws/requested-later'])('of %s is not looked for either', async (target) => {
    await site.memcached.send(`set page:${target} 0 0 6\r\nstored`);
    const answer = await site.direct(target);
    expect(answer).toBypassPageCache('listener-error');
    expect(answer.body.toString()).toBe('x');
  });

  it.each([
    ['/user', 'user'],
    ['/by-middleware/user', 'user'],
    ['/by-middleware/session', 'session'],
  ])('of %s is not looked for either, since the visitor is known', async (target, reason) => {
    for (const ask of [site.get, site.direct]) expect(await ask(target)).toBypassPageCache(reason);
    expect(await site.memcached.keys()).toEqual([]);
  });

  it.each(FIELDS.flatMap(([, , reason], index) => (reason === 'stored' ? [`/field/${index}`] : [])))(
    'is not that of %s',
    async (target) => {
      expect(await site.get(target)).toBePageCacheMiss();
      expect(await site.log.outcome(target)).toBe('stored');
      expect(await site.get(target)).toBePageCacheHit();
    },
  );
});
