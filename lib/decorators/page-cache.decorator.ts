import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { NginxCacheConfigError } from '../options/nginx-cache-config.error.js';

/**
 * What a handler or a controller says about its pages.
 *
 * @publicApi
 */
export interface PageCacheHandlerOptions {
  /** How long its pages are served, in milliseconds; 0 = until purged. Default: the `ttl` of the module. */
  ttl?: number;
  /** Labels for its pages. */
  tags?: readonly string[] | ((context: ExecutionContext) => readonly string[]);
  /** Of the allowed query parameters, those that this handler reads. With any other its pages are not stored. */
  query?: readonly string[];
  /** Keeps single requests away from the cache. */
  skipIf?: (context: ExecutionContext) => boolean;
}

/** @internal */
export const pageCache = Reflector.createDecorator<PageCacheHandlerOptions>();

/**
 * Sets how the pages of a handler or a controller are cached. On a handler behind `@UseGuards()` it also says that its
 * pages are the same for everybody who is let in: without it they are not stored.
 *
 * @throws {NginxCacheConfigError} when `ttl` is not a number of milliseconds
 * @example
 * @PageCache({ ttl: 60_000, query: ['page'] })
 * @Get()
 * index(@Query('page') page = '1') {}
 *
 * @publicApi
 */
export function PageCache(options: PageCacheHandlerOptions = {}): MethodDecorator & ClassDecorator {
  const { ttl } = options;
  if (ttl !== undefined && !(Number.isFinite(ttl) && ttl >= 0)) {
    throw new NginxCacheConfigError('@PageCache.ttl', ttl, 'a number of milliseconds, 0 for "until purged"');
  }
  return pageCache(options);
}
