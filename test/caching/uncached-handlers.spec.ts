import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  Injectable,
  Post,
  Scope,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NoPageCache, PageCacheInterceptor, PageCacheService } from '../../lib/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { answer } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';

@Controller()
class MixedController {
  constructor(private readonly pages: PageCacheService) {}

  @Get('page')
  @Header('content-type', HTML)
  page() {
    return 'page';
  }

  @Get('never')
  @Header('content-type', HTML)
  @NoPageCache()
  never() {
    return `draft: ${this.pages.current() !== undefined}`;
  }

  @Post('never')
  @NoPageCache()
  post() {
    return 'done';
  }
}

@Controller({ path: 'scoped', scope: Scope.REQUEST })
@NoPageCache()
class ScopedController {
  @Get()
  @Header('content-type', HTML)
  scoped() {
    return 'scoped';
  }
}

@Injectable()
class Other {
  static calls: string[] = [];

  intercept(context: ExecutionContext, next: CallHandler) {
    Other.calls.push(context.getHandler().name);
    return next.handle();
  }
}

afterEach(() => {
  vi.restoreAllMocks();
  Other.calls = [];
});

describe.each(PLATFORMS)('a handler with @NoPageCache(), on %s', (platform) => {
  it('is reached without the interceptor, and says why it is not cached', async () => {
    const intercept = vi.spyOn(PageCacheInterceptor.prototype, 'intercept');
    const { app, url } = await startApplication({
      platform,
      controllers: [MixedController, ScopedController],
      providers: [{ provide: APP_INTERCEPTOR, useClass: Other }],
    });
    const handlers = () => intercept.mock.calls.map(([context]) => context.getHandler().name);
    try {
      for (const [path, body] of [
        ['/never', 'draft: false'],
        ['/scoped', 'scoped'],
      ] as const) {
        const answered = await answer(url + path);
        expect(answered.body.toString()).toBe(body);
        expect(answered.status).toBe('nestjs-nginx-cache; fwd=bypass; detail=no-page-cache');
      }
      expect(handlers()).toEqual([]);
      expect(Other.calls).toEqual(['never', 'scoped']);
      await answer(`${url}/page`);
      const posted = await answer(`${url}/never`, { method: 'POST' });
      expect(posted.status).toBe('nestjs-nginx-cache; fwd=bypass; detail=no-page-cache');
      expect(handlers()).toEqual(['page', 'post']);
      expect(Other.calls).toEqual(['never', 'scoped', 'page', 'post']);
    } finally {
      await app.close();
    }
  });

  it('has all interceptors in an application without this module', async () => {
    const { app: cached } = await startApplication({ platform, controllers: [MixedController] });
    const module = await Test.createTestingModule({
      controllers: [ScopedController],
      providers: [{ provide: APP_INTERCEPTOR, useClass: Other }],
    }).compile();
    const plain = module.createNestApplication();
    await plain.listen(0, '127.0.0.1');
    try {
      const answered = await answer(`${await plain.getUrl()}/scoped`);
      expect(answered.headers.get('cache-status')).toBeNull();
      expect(Other.calls).toEqual(['scoped']);
    } finally {
      await plain.close();
      await cached.close();
    }
  });
});
