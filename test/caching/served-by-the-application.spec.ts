import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { tap } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memcachedStore, memoryStore, PageCacheService } from '../../lib/index.js';
import { MemcachedServer, pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { patiently } from '../support/patience.js';
import { PagesController } from '../support/pages.controller.js';
import { RoutedHits } from '../support/routed-hits.js';
import { answer } from '../support/site.js';

expect.extend(pageCacheMatchers);

const WAYS = ['/value', '/render', '/res', '/passthrough', '/streamable', '/buffer', '/chunked', '/size/900000'];

/** As in the documentation of Nest. */
@Injectable()
class LoggingInterceptor implements NestInterceptor {
  readonly log: string[] = [];

  intercept(context: ExecutionContext, next: CallHandler) {
    const { url } = context.switchToHttp().getRequest<IncomingMessage>();
    this.log.push(`before ${url}`);
    return next.handle().pipe(
      tap({
        next: () => this.log.push(`value ${url}`),
        error: () => this.log.push(`error ${url}`),
        complete: () => this.log.push(`after ${url}`),
      }),
    );
  }
}

describe.each(PLATFORMS.flatMap((platform) => (['memory', 'memcached'] as const).map((kind) => ({ platform, kind }))))(
  'without nginx, with a listener that wants to know the handler, pages in $kind, on $platform',
  ({ platform, kind }) => {
    let memcached: MemcachedServer;
    let app: INestApplication;
    let url: string;
    const errors: unknown[] = [];
    const finished: string[] = [];
    const logging = new LoggingInterceptor();
    /** nginx sends no fields with a page of memcached, so only a field that matters to nobody may be on it. */
    const field = kind === 'memory' ? 'X-Frame-Options' : 'X-Request-Id';

    beforeAll(async () => {
      memcached = await MemcachedServer.start();
      ({ app, url } = await startApplication({
        platform,
        controllers: [PagesController],
        // Global interceptors by `useGlobalInterceptors()` are inside of those by `APP_INTERCEPTOR`.
        providers: [PageLog, RoutedHits, { provide: APP_INTERCEPTOR, useValue: logging }],
        options: { store: kind === 'memory' ? memoryStore() : memcachedStore({ servers: memcached.address }) },
        logger: {
          log() {},
          warn: (message) => errors.push(message),
          error: (message, ...rest) => errors.push(message, ...rest),
        },
        prepare: async (created) => {
          created.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
            response.setHeader(field, 'SAMEORIGIN');
            response.on('finish', () => finished.push(`${response.statusCode} ${request.url}`));
            next();
          });
          if (platform === 'fastify') {
            (created as NestFastifyApplication)
              .getHttpAdapter()
              .getInstance()
              .addHook('onRequest', async (_, reply) => void reply.header('X-Correlation-Id', 'yes'));
          }
        },
      }));
    });
    afterAll(async () => {
      await app?.close();
      await memcached?.stop();
    });
    beforeEach(async () => {
      await app.get(PageCacheService).purgeAll();
      app.get(PageLog).forget();
      PagesController.calls.clear();
      logging.log.length = 0;
      finished.length = 0;
      errors.length = 0;
    });

    let renders = 0;
    const visit = (way: string, headers = {}) =>
      patiently(
        async () => {
          const visited = await answer(url + way, { headers });
          if (visited.status.includes('fwd=')) renders += 1;
          return visited;
        },
        ({ status }) => status,
      );

    it.each(WAYS)('%s comes back the same', async (way) => {
      renders = 0;
      for (const encoding of ['gzip', 'identity']) {
        const headers = { 'accept-encoding': encoding };
        const first = await visit(way, headers);
        expect(await app.get(PageLog).outcome(way)).toBe('stored');
        let second = await visit(way, headers);
        // On a busy machine memcached may take longer than a visitor waits for it. Then the page is rendered again.
        while (kind === 'memcached' && second.status.includes('fwd=')) second = await visit(way, headers);
        expect(second).toBePageCacheHit();
        expect(second.code).toBe(200);
        expect(second.body.equals(first.body)).toBe(true);
        expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
        expect(second.headers.get(field)).toBe('SAMEORIGIN');
        expect(second.headers.get('x-powered-by')).toBe(first.headers.get('x-powered-by'));
        expect(second.headers.get('x-correlation-id')).toBe(platform === 'fastify' ? 'yes' : null);
      }
      expect(PagesController.calls.get(way)).toBe(renders);
      if (kind === 'memory') expect(renders).toBe(1);
      // Otherwise memcached was late, which is told.
      if (renders === 1) expect(errors).toEqual([]);
    });

    it.each(WAYS)('an interceptor around it sees the end of %s', async (way) => {
      await visit(way);
      await app.get(PageLog).outcome(way);
      const ofMiss = logging.log.splice(0);
      await answer(url + way);
      expect(logging.log.at(0)).toBe(`before ${way}`);
      expect(logging.log.at(-1)).toBe(`after ${way}`);
      expect(ofMiss.at(-1)).toBe(`after ${way}`);
      expect(finished).toEqual([`200 ${way}`, `200 ${way}`]);
    });
  },
);
