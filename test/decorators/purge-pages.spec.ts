import type { Server, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { INestApplication } from '@nestjs/common';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Header,
  HttpCode,
  type NestInterceptor,
  Next,
  Param,
  Post,
  Redirect,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { concat, first, firstValueFrom, NEVER, type Observable, of, take, timeout } from 'rxjs';
import {
  memoryStore,
  NginxCacheConfigError,
  OnPageCache,
  PageCache,
  PageCacheFailed,
  PageCacheService,
  PurgePages,
} from '../../lib/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';
import { answer, type Answer } from '../support/site.js';

interface Reply {
  status(code: number): Reply;
  send(body: string): void;
}

class Entity {
  constructor(readonly id: string) {}
  dependentPaths() {
    return [`/pages/${this.id}`];
  }
}

type Outer = (handled: Observable<unknown>) => Observable<unknown> | Promise<Observable<unknown>>;

/** An interceptor around `@PurgePages()`: it must come below it. */
function around(outer: Outer): MethodDecorator {
  const interceptor: NestInterceptor = { intercept: (_: ExecutionContext, next: CallHandler) => outer(next.handle()) };
  return UseInterceptors(interceptor);
}

/** What an application's own decorator for logs or transactions does: the handler is another function, without a name. */
const Wrapped: MethodDecorator = (_target, _key, descriptor) => {
  const method = descriptor.value as (...args: unknown[]) => unknown;
  descriptor.value = function (this: unknown, ...args: unknown[]) {
    return method.apply(this, args);
  } as never;
  Object.defineProperty(descriptor.value, 'name', { value: '' });
};

const BOTH = ['/pages/1', '/pages/2'];
let version = 0;

@Controller()
class PagesController {
  @Get('pages/:id')
  @PageCache({ tags: ['pages'] })
  @Header('content-type', 'text/html')
  page(@Param('id') id: string) {
    return `${id} v${version}`;
  }

  @Post('one-throws')
  @PurgePages('/pages/1', (result: { missing?: { id: string } }) => `/pages/${result.missing!.id}`)
  oneThrows() {
    return {};
  }

  @Post('one-is-none')
  @PurgePages(() => ['/pages/1', null as never])
  oneIsNone() {
    return {};
  }

  @Post('one-of-many-is-none')
  @PurgePages(() => [...Array.from({ length: 1000 }, (_, index) => `/other/${index}`), 'none', '/pages/1'])
  oneOfManyIsNone() {
    return {};
  }

  @Post('very-many')
  @PurgePages(() => [...Array.from({ length: 200_000 }, (_, index) => `/other/${index}`), '/pages/1'])
  veryMany() {
    return {};
  }

  @Post('value/:id')
  @PurgePages((entity: Entity, request: { params: { id: string } }) => [`/pages/${request.params.id}`, entity])
  value() {
    version += 1;
    return new Entity('2');
  }

  @Post('plain')
  @PurgePages('/pages/1', ['/pages/2'])
  plain(): void {}

  @Post('promise')
  @PurgePages(async (entity: Entity) => delay(1, entity))
  async promise() {
    await delay(5);
    return new Entity('1');
  }

  @Post('observable')
  @PurgePages((entity: Entity) => entity)
  observable(): Observable<Entity> {
    return of(new Entity('2'), new Entity('1'));
  }

  @Post('awaited')
  @PurgePages((entity: Entity) => entity)
  @around(async (handled) => of(await firstValueFrom(handled)))
  awaited() {
    return new Entity('1');
  }

  @Post('first')
  @PurgePages((entity: Entity) => entity)
  @around((handled) => handled.pipe(first()))
  first() {
    return new Entity('1');
  }

  @Post('endless')
  @PurgePages((entity: Entity) => entity)
  @around((handled) => handled.pipe(take(1)))
  endless(): Observable<Entity> {
    return concat(of(new Entity('1')), NEVER);
  }

  @Post('impatient')
  @PurgePages('/pages/1')
  @around((handled) => handled.pipe(timeout(500)))
  impatient(): string {
    return 'ok';
  }

  @Post('redirect')
  @Redirect('/pages/1', 303)
  @PurgePages('/pages/1')
  redirect(): void {}

  @Post('twice')
  @PurgePages('/pages/1')
  @PurgePages(() => '/pages/2')
  twice(): void {}

  @Post('tags')
  @PurgePages({ tags: ['pages'] })
  tags(): void {}

  @Post('refresh')
  @PurgePages({ refresh: true }, '/pages/1', '/pages/3')
  refresh(): void {
    version += 1;
  }

  @Post('nothing')
  @PurgePages(() => undefined)
  nothing(): void {}

  @Post('throws')
  @PurgePages('/pages/1')
  throws(): void {
    throw new ForbiddenException();
  }

  @Post('status')
  @HttpCode(422)
  @PurgePages('/pages/1')
  status(): void {}

  @Post('passthrough/:code')
  @PurgePages('/pages/1')
  passthrough(@Param('code') code: string, @Res({ passthrough: true }) reply: Reply): string {
    reply.status(Number(code));
    return 'ok';
  }

  @Post('res/:code')
  @PurgePages('/pages/1')
  res(@Param('code') code: string, @Res() reply: Reply): void {
    reply.status(Number(code)).send('ok');
  }

  @Post('later/:code')
  @PurgePages('/pages/1')
  later(@Param('code') code: string, @Res() reply: Reply): void {
    setTimeout(() => {
      version += 1;
      reply.status(Number(code)).send('ok');
    }, 30);
  }

  @Post('wrapped/:code')
  @PurgePages('/pages/1')
  @Wrapped
  wrapped(@Param('code') code: string, @Res() reply: Reply): void {
    this.later(code, reply);
  }

  @Post('next')
  @PurgePages('/pages/1')
  next(@Res() reply: Reply, @Next() _next: () => void): void {
    reply.status(200).send('ok');
  }

  @Post('broken-targets')
  @PurgePages(() => {
    throw new Error('oops');
  })
  brokenTargets(): string {
    return 'ok';
  }

  @Post('no-target')
  @PurgePages(() => [42 as never])
  noTarget(): string {
    return 'ok';
  }
}

class Failures {
  readonly messages: string[] = [];

  @OnPageCache(PageCacheFailed)
  onFailed({ operation, error }: PageCacheFailed) {
    this.messages.push(`${operation}: ${String(error)}`);
  }
}

describe.each(PLATFORMS)('@PurgePages() on %s', (platform) => {
  let app: INestApplication;
  let url: string;
  let pages: PageCacheService;
  beforeAll(async () => {
    ({ app, url } = await startApplication({
      platform,
      options: { store: memoryStore() },
      controllers: [PagesController],
      providers: [PageLog, Failures],
    }));
    pages = app.get(PageCacheService);
  });
  afterAll(() => app?.close());
  beforeEach(async () => {
    await pages.purgeAll();
    app.get(PageLog).forget();
    for (const path of BOTH) {
      await answer(url + path);
      await app.get(PageLog).outcome(path);
    }
  });

  const post = (path: string): Promise<Answer> => answer(url + path, { method: 'POST' });
  const left = async () => {
    const stored: string[] = [];
    for (const path of BOTH) if (await pages.has(path)) stored.push(path);
    return stored;
  };

  it.each([
    ['/value/1', 201, []],
    ['/plain', 201, []],
    ['/promise', 201, ['/pages/2']],
    ['/observable', 201, ['/pages/2']],
    ['/awaited', 201, ['/pages/2']],
    ['/first', 201, ['/pages/2']],
    ['/endless', 201, ['/pages/2']],
    ['/redirect', 303, ['/pages/2']],
    ['/twice', 201, []],
    ['/tags', 201, []],
    ['/nothing', 201, BOTH],
    ['/passthrough/200', 200, ['/pages/2']],
  ])('POST %s purges before the answer leaves', async (path, code, rest) => {
    // Were it not waited for, the pages would still be there.
    const { purge } = pages;
    let hasPurged = true;
    const slow = vi.spyOn(pages, 'purge').mockImplementation(async (...targets) => {
      hasPurged = false;
      await delay(10);
      const report = await purge.apply(pages, targets);
      hasPurged = true;
      return report;
    });
    const start = performance.now();
    expect((await post(path)).code).toBe(code);
    // On a busy machine even that may take longer than the answer waits, which is 45 ms.
    if (performance.now() - start >= 40) await expect.poll(() => hasPurged).toBe(true);
    const stored = await left();
    slow.mockRestore();
    expect(stored).toEqual(rest);
  });

  it.each(['/throws', '/status', '/passthrough/404', '/passthrough/500', '/res/422', '/later/500', '/wrapped/500'])(
    'POST %s has failed, and purges nothing',
    async (path) => {
      expect((await post(path)).code).toBeGreaterThanOrEqual(400);
      await delay(20);
      expect(await left()).toEqual(BOTH);
    },
  );

  it.each(['/res/200', '/later/200', '/wrapped/200', '/next'])(
    'POST %s answers itself: purged as soon as it has',
    async (path) => {
      expect((await post(path)).code).toBe(200);
      await vi.waitFor(async () => expect(await left()).toEqual(['/pages/2']), 60_000);
    },
  );

  it.each(['/later/200', '/wrapped/200'])(
    'POST %s takes its time, and purges nothing before it has answered',
    async (path) => {
      const purge = vi.spyOn(pages, 'purge');
      const before = version;
      let versionThen: number | undefined;
      purge.mockImplementationOnce(async () => {
        versionThen = version;
        return { purged: 0, targets: [], duration: 0 };
      });
      await post(path);
      await vi.waitFor(() => expect(versionThen).toBe(before + 1), 60_000);
      purge.mockRestore();
    },
  );

  it('{ refresh: true } replaces what is stored, and stores nothing else', async () => {
    await post('/refresh');
    await vi.waitFor(async () => expect((await pages.get('/pages/1'))?.body.toString()).toBe(`1 v${version}`), 60_000);
    expect(await left()).toEqual(BOTH);
    expect(await pages.has('/pages/3')).toBe(false);
  });

  it.each([
    ['/broken-targets', 'purge: Error: oops'],
    [
      '/no-target',
      'purge: TypeError: 42 is not a page: give a path like "/posts/1", a URL, or an object with dependentPaths()',
    ],
  ])('POST %s is answered, and the mistake reported', async (path, message) => {
    expect(await post(path)).toMatchObject({ code: 201, body: Buffer.from('ok') });
    expect(app.get(Failures).messages.splice(0)).toEqual([message]);
  });

  it.each(['/one-throws', '/one-is-none'])(
    'POST %s: one target that is none does not keep the others',
    async (path) => {
      expect((await post(path)).code).toBe(201);
      expect(await left()).toEqual(['/pages/2']);
      expect(app.get(Failures).messages.splice(0)).toEqual([expect.stringContaining('TypeError')]);
    },
  );

  it.each([
    ['/one-of-many-is-none', 21, [expect.stringContaining("'none' is not a page")]],
    ['/very-many', 21, []],
  ])('POST %s takes few purges', async (path, most, failures) => {
    const purge = vi.spyOn(pages, 'purge');
    expect((await post(path)).code).toBe(201);
    await expect.poll(left).toEqual(['/pages/2']);
    await expect.poll(() => app.get(Failures).messages).toEqual(failures);
    app.get(Failures).messages.length = 0;
    expect(purge.mock.calls.length).toBeLessThanOrEqual(most);
    purge.mockRestore();
  });

  it('a purge that hangs does not hold the answer up for ever, and is no failure to an impatient interceptor', async () => {
    const purge = vi.spyOn(pages, 'purge').mockReturnValue(new Promise(() => {}));
    expect(await post('/impatient')).toMatchObject({ code: 201, body: Buffer.from('ok') });
    purge.mockRestore();
  });

  it('a purge that takes long changes no byte of the answer', async () => {
    let response: ServerResponse | undefined;
    const quiet = await startApplication({
      platform,
      // Nothing else waits for a purge.
      options: { store: memoryStore(), purgeAfterUnsafe: false },
      controllers: [PagesController],
      prepare: (one) => {
        const server = one.getHttpServer() as Server;
        server.prependListener('request', (_, given) => (response = given));
      },
    });
    const sent = async () => {
      const { code, headers, body } = await answer(`${quiet.url}/first`, { method: 'POST' });
      return [code, [...headers].filter(([name]) => name !== 'date'), body.toString()];
    };
    const usual = await sent();
    const gate = new Gate();
    vi.spyOn(quiet.app.get(PageCacheService), 'purge').mockImplementation(() => gate.pass() as never);
    const held = sent();
    await gate.reached;
    await expect.poll(() => response?.writableEnded).toBe(true);
    expect(response?.writableFinished).toBe(false);
    gate.open();
    expect(await held).toEqual(usual);
    await quiet.app.close();
  });
});

describe('@PurgePages()', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['refresh', () => PurgePages({ refresh: 'yes' as never }), /@PurgePages\.refresh.*'yes'/],
    ['location', () => PurgePages({ location: 1 as never }), /@PurgePages\.location.*1/],
    ['tags', () => PurgePages({ tags: 'posts' as never }), /@PurgePages\.tags.*'posts'/],
  ])('says what is wrong with %s', (_, decorate, message) => {
    expect(decorate).toThrow(NginxCacheConfigError);
    expect(decorate).toThrow(message);
  });
});
