import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { PageLog } from '../support/page-log.js';
import { RoutedHits } from '../support/routed-hits.js';

/** Express's response has all of them, Fastify's reply some. */
type Reply = ServerResponse & { header(name: string, value: string): unknown };

const WAYS: Readonly<Record<string, (reply: Reply) => unknown>> = {
  header: (reply) => reply.header('X-Time', '1'),
  setHeader: (reply) => reply.setHeader?.('X-Time', '1'),
  appendHeader: (reply) => reply.appendHeader?.('X-Time', '1'),
  removeHeader: (reply) => reply.removeHeader('X-Time'),
};

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', 'text/html')
  page() {
    return '<p>page</p>';
  }
}

describe.each(PLATFORMS)('an interceptor that sets a field when the handler is done, on %s', (platform) => {
  it.each(Object.keys(WAYS))('with %s does no harm to a hit', async (way) => {
    let done = 0;
    @Injectable()
    class Outer implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        const reply = context.switchToHttp().getResponse<Reply>();
        return next.handle().pipe(
          tap(() => {
            done += 1;
            WAYS[way]!(reply);
          }),
        );
      }
    }
    const logger = new CollectedLogger();
    const providers = [PageLog, RoutedHits, { provide: APP_INTERCEPTOR, useClass: Outer }];
    const { app, address } = await startApplication({ platform, controllers: [PageController], providers, logger });
    try {
      const connections = new Set<Socket>();
      app.getHttpServer().on('connection', (socket: Socket) => connections.add(socket));
      await using client = new RawClient(Number(address.split(':')[1]));
      const get = () => client.send('GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await get();
      expect(await app.get(PageLog).outcome('/page')).toBe('stored');
      for (let visit = 0; visit < 3; visit += 1) {
        const hit = await get();
        expect(hit.status).toBe(200);
        expect(hit.body.toString()).toBe('<p>page</p>');
        expect(field(hit, 'cache-status')).toContain('; hit');
      }
      expect(done).toBe(4);
      expect(logger.lines).toEqual([]);
      expect(connections.size).toBe(1);
    } finally {
      await app.close();
    }
  });
});
