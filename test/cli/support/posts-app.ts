import {
  Controller,
  Get,
  Header,
  type INestApplication,
  Module,
  Param,
  Res,
  ServiceUnavailableException,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Request, Response } from 'express';
import { memcachedStore, type NginxCacheOptions, NginxCacheModule, PageCache } from '../../../lib/index.js';

/** The environment variable that holds the address of memcached. */
export const MEMCACHED = 'CLI_TEST_MEMCACHED';

export const posts = Array.from({ length: 30 }, (_, index) => `/posts/${index}`);

@Controller()
class PostsController {
  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  home() {
    return '<h1>home</h1>';
  }

  @Get('posts/:id')
  @PageCache({
    tags: (context) => ['posts', `post:${context.switchToHttp().getRequest<Request<{ id: string }>>().params.id}`],
  })
  @Header('content-type', 'text/html; charset=utf-8')
  post(@Param('id') id: string) {
    return `<h1>post ${id}</h1>`;
  }

  @Get('down')
  down() {
    throw new ServiceUnavailableException();
  }

  @Get('mine')
  mine(@Res({ passthrough: true }) response: Response) {
    response.cookie('a', 'b');
    return 'mine';
  }

  @Get('sitemap.xml')
  @Header('content-type', 'application/xml')
  sitemap() {
    const urls = ['/', ...posts].map((path) => `<url><loc>https://example.com${path}</loc></url>`);
    return `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${urls.join('')}</urlset>`;
  }
}

export function options(changes: NginxCacheOptions = {}): NginxCacheOptions {
  return {
    prefix: 'cli:',
    hosts: ['example.com'],
    store: memcachedStore({ servers: process.env[MEMCACHED] ?? '' }),
    ...changes,
  };
}

/** What a user's `main.ts` would call. */
export async function createApp(
  changes: NginxCacheOptions = {},
  adapter: AbstractHttpAdapter = new ExpressAdapter(),
): Promise<INestApplication> {
  @Module({ imports: [NginxCacheModule.forRoot(options(changes))], controllers: [PostsController] })
  class PostsModule {}
  return NestFactory.create(PostsModule, adapter, { logger: false });
}

export const createFastifyApp = () => createApp({}, new FastifyAdapter());
