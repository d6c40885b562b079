import { NginxCacheConfigError } from '../options/nginx-cache-config.error.js';
import { pageCache, type PageCacheHandlerOptions } from '../policies/handler-options.js';

/**
 * Sets how the pages of a handler or a controller are cached.
 *
 * @throws {NginxCacheConfigError} when an option is of the wrong type
 * @example
 * @PageCache({ ttl: 60_000, query: ['page'] })
 * @Get()
 * index(@Query('page') page = '1') {}
 *
 * @example
 * // Behind a guard, but the same for everybody. nginx does not ask the guard.
 * @PageCache({ public: true })
 * @UseGuards(LocaleGuard)
 *
 * @publicApi
 */
export function PageCache(options: PageCacheHandlerOptions = {}): MethodDecorator & ClassDecorator {
  const { ttl, tags, query, skipIf, public: isPublic } = options;
  if (ttl !== undefined && !(Number.isFinite(ttl) && ttl >= 0)) {
    throw new NginxCacheConfigError('@PageCache.ttl', ttl, 'a number of milliseconds, 0 for "until purged"');
  }
  // A string is iterable, too: it would become a tag a letter.
  if (tags !== undefined && !Array.isArray(tags) && typeof tags !== 'function') {
    throw new NginxCacheConfigError('@PageCache.tags', tags, 'a list of tags, or a function that gives one');
  }
  if (query !== undefined && !Array.isArray(query)) {
    throw new NginxCacheConfigError('@PageCache.query', query, 'a list of query parameters');
  }
  if (skipIf !== undefined && typeof skipIf !== 'function') {
    throw new NginxCacheConfigError('@PageCache.skipIf', skipIf, 'a function of the execution context');
  }
  if (isPublic !== undefined && typeof isPublic !== 'boolean') {
    throw new NginxCacheConfigError('@PageCache.public', isPublic, 'true or false');
  }
  return pageCache(options);
}
