import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  Injectable,
  Next,
  type OnModuleInit,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Express, Response } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NoPageCache, PageCache } from '../../lib/index.js';
import { fate } from '../support/fate.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';
const KEY = { 'x-door-key': 'secret' };

/** Lets in whoever has the key. */
@Injectable()
class DoorGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    return context.switchToHttp().getRequest<IncomingMessage>().headers['x-door-key'] === 'secret';
  }
}

@Controller()
class FirstController {
  @Get(['on/:name', 'file.html'])
  on(@Next() next: () => void) {
    next();
  }

  @Get('express/:name')
  express(@Req() request: { next: () => void }, @Res() _response: unknown) {
    request.next();
  }

  /** The guard decides who gets farther. */
  @Get('door/:name')
  @UseGuards(DoorGuard)
  door(@Next() next: () => void) {
    next();
  }

  @Get('uncached-door/:name')
  @NoPageCache()
  @UseGuards(DoorGuard)
  uncachedDoor(@Next() next: () => void) {
    next();
  }

  @Get('answered/:name')
  answered(@Res() response: Response, @Next() _next: () => void) {
    response.type('html').send('answered by the first handler');
  }
}

@Controller(':way')
class SecondController {
  @Get('guarded')
  @UseGuards(DoorGuard)
  @Header('content-type', HTML)
  guarded() {
    return 'for key holders';
  }

  @Get('uncached')
  @NoPageCache()
  @Header('content-type', HTML)
  uncached() {
    return 'not for the cache';
  }

  @Get('tagged')
  @PageCache({ tags: ['a'] })
  @Header('content-type', HTML)
  tagged() {
    return 'tagged';
  }
}

/** As ServeStaticModule does it. */
@Injectable()
class Files implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit() {
    const server = this.host.httpAdapter.getInstance<Express>();
    server.use((_request: IncomingMessage, response: ServerResponse) => {
      response.setHeader('content-type', HTML).end('a file');
    });
  }
}

describe('a request that a handler hands on', () => {
  let site: Site;

  beforeAll(async () => {
    site = await startSite({
      platform: 'express',
      // Nothing but the guard keeps anybody out.
      options: { requestFields: { ignore: ['X-Door-Key'] } },
      controllers: [FirstController, SecondController],
      providers: [Files],
    });
  });
  afterAll(() => site.stop());

  it.each([
    ['/on/guarded', 'next'],
    ['/express/guarded', 'next'],
    ['/door/tagged', 'guarded'],
    ['/uncached-door/tagged', 'no-page-cache'],
  ])('is no page: nobody gets past the guard of one of the handlers at %s', async (target, reason) => {
    expect((await site.get(target, { headers: KEY })).code).toBe(200);
    expect(await fate(site, target, KEY)).toBe(reason);
    expect((await site.get(target)).code).toBe(403);
    expect((await site.direct(target)).code).toBe(403);
  });

  it('is no page: the first handler knows nothing of the tags of the second', async () => {
    expect(await fate(site, '/on/tagged')).toBe('next');
  });

  it('is no page if the second handler is none', async () => {
    expect(await fate(site, '/on/uncached')).toBe('no-page-cache');
    expect(await fate(site, '/on/uncached')).toBe('no-page-cache');
  });

  it('is a page of the handler if no other handler answers', async () => {
    expect((await site.get('/file.html')).body.toString()).toBe('a file');
    expect(await site.log.outcome('/file.html')).toBe('stored');
  });

  it('is one if the handler answers after all', async () => {
    expect(await fate(site, '/answered/page')).toBe('stored');
    expect(await fate(site, '/answered/page')).toBe('hit');
  });
});
