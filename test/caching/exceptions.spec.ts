import type { ServerResponse } from 'node:http';
import {
  type ArgumentsHost,
  type CallHandler,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Header,
  Injectable,
  type NestInterceptor,
  NotFoundException,
  Render,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { catchError, map, of } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCacheInterceptor } from '../../lib/index.js';
import { PLATFORMS } from '../support/applications.js';
import { fate } from '../support/fate.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';

/** Renders a page for people, and forgets the status. */
@Catch()
class ErrorPageFilter implements ExceptionFilter {
  catch(error: Error, host: ArgumentsHost) {
    const response = raw(host.switchToHttp().getResponse<ServerResponse>());
    if (response.headersSent) return response.end();
    response.writeHead(error instanceof NotFoundException ? 404 : 200, { 'content-type': HTML });
    return response.end('<h1>Sorry</h1>');
  }
}

/** Farther out than the page cache, which the controller names. */
@Injectable()
class OuterInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    const name = context.getHandler().name;
    if (name === 'caughtOutside') return next.handle().pipe(catchError(() => of('<h1>Sorry</h1>')));
    if (name !== 'thrownOutside') return next.handle();
    return next.handle().pipe(
      map(() => {
        throw new Error('out');
      }),
    );
  }
}

@Injectable()
class FallbackInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(catchError(() => of('without news')));
  }
}

@Controller()
@UseInterceptors(PageCacheInterceptor)
class FailingController {
  @Get('throws')
  @Header('content-type', HTML)
  throws() {
    throw new Error('broken');
  }

  @Get('rejects')
  @Header('content-type', HTML)
  async rejects() {
    await Promise.reject(new Error('broken'));
  }

  @Get('half')
  half(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'content-type': HTML });
    response.write('<h1>half a ');
    throw new Error('broken');
  }

  @Get('half-later')
  async halfLater(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'content-type': HTML });
    response.write('<h1>half a ');
    await new Promise(setImmediate);
    throw new Error('broken');
  }

  @Get('caught-outside')
  @Header('content-type', HTML)
  caughtOutside() {
    throw new Error('broken');
  }

  @Get('thrown-outside')
  @Header('content-type', HTML)
  thrownOutside() {
    return 'x';
  }

  @Get('template')
  @Render('no-such-template')
  template() {
    return {};
  }

  @Get('circle')
  circle() {
    const circle: { self?: object } = {};
    circle.self = circle;
    return circle;
  }

  @Get('missing')
  @Header('content-type', HTML)
  missing() {
    throw new NotFoundException();
  }

  @Get('inside')
  @UseInterceptors(FallbackInterceptor)
  @Header('content-type', HTML)
  inside() {
    throw new Error('broken');
  }
}

describe.each(PLATFORMS)('what an exception has become, on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [FailingController],
      providers: [{ provide: APP_FILTER, useClass: ErrorPageFilter }],
      options: { registerInterceptor: false, ttl: 0, nginx: { flavour: 'srcache' }, statuses: [200, 404] },
      prepare: (app) => void app.useGlobalInterceptors(new OuterInterceptor()),
      logger: false,
    });
  });
  afterAll(() => site?.stop());
  beforeEach(() => site.memcached.flush());

  it.each(['/throws', '/rejects', '/caught-outside', '/thrown-outside', '/template', '/circle'])(
    'is no page, although %s says 200',
    async (target) => {
      for (let round = 0; round < 2; round += 1) {
        expect(await fate(site, target)).toBe('exception');
        const answer = await site.get(target);
        expect([answer.code, answer.body.toString()]).toEqual([200, '<h1>Sorry</h1>']);
      }
    },
  );

  it.each(['/half', '/half-later'])('is no page when %s has sent a part of one before', async (target) => {
    for (let round = 0; round < 2; round += 1) {
      site.log.forget();
      const answer = await site.get(target);
      expect(answer.body.toString()).toBe('<h1>half a ');
      expect(answer.status).not.toContain('hit');
      expect(await site.log.outcome(target)).toBe('exception');
    }
  });

  it('is a page when its status says what it is, and that status is stored', async () => {
    expect(await fate(site, '/missing')).toBe('stored');
    expect((await site.get('/missing')).code).toBe(404);
    expect(await fate(site, '/missing')).toBe('hit');
  });

  it('is a page where the application has an answer for it', async () => {
    expect(await fate(site, '/inside')).toBe('stored');
    expect((await site.get('/inside')).body.toString()).toBe('without news');
  });
});
