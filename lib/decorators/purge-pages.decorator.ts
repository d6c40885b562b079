import { applyDecorators, UseInterceptors } from '@nestjs/common';
import { NginxCacheConfigError } from '../options/nginx-cache-config.error.js';
import { purgesLocation } from '../policies/handler-options.js';
import type { PurgedBy, PurgedTargets, PurgePagesOptions } from './purged-by.js';
import { purgePagesInterceptor } from './purge-pages.interceptor.js';

/**
 * Purges pages after the handler has succeeded: not when it throws, not when it answers with 4xx or 5xx. Where the handler
 * returns a value, before the answer leaves (which waits 1 s at most, and 45 ms after a GET); with `@Res()`, when the answer has been sent.
 * A purge that fails does not fail the request: it is reported by `PageCacheFailed`, and tried again until the store has it.
 *
 * @param targets paths, URLs, entities with `dependentPaths()`, lists of these, or functions that give them
 * @throws {NginxCacheConfigError} when an option is of the wrong type
 * @example
 * @PurgePages((post: Post, request: Request) => ['/posts', post])
 * @Post()
 * create(@Body() form: PostForm): Promise<Post> {}
 *
 * @PurgePages({ refresh: true }, '/', '/feed')
 * @Put('settings')
 * change() {}
 *
 * @PurgePages({ location: true })
 * @Redirect('/news', 303)
 * @Post('admin/news')
 * add() {}
 *
 * @publicApi
 */
export function PurgePages(
  ...given: [PurgePagesOptions, ...(PurgedTargets | PurgedBy)[]] | (PurgedTargets | PurgedBy)[]
): MethodDecorator {
  const [first, ...rest] = given;
  const options = isOptions(first) ? first : {};
  const targets = (isOptions(first) ? rest : given) as (PurgedTargets | PurgedBy)[];
  const { refresh = false, tags = [], location = false } = options;
  if (typeof refresh !== 'boolean') {
    throw new NginxCacheConfigError('@PurgePages.refresh', refresh, 'true or false');
  }
  if (typeof location !== 'boolean') {
    throw new NginxCacheConfigError('@PurgePages.location', location, 'true or false');
  }
  // A string is iterable, too: it would become a tag a letter.
  if (!Array.isArray(tags)) throw new NginxCacheConfigError('@PurgePages.tags', tags, 'a list of tags');
  const interceptor = UseInterceptors(purgePagesInterceptor({ refresh, tags, targets }));
  return location ? applyDecorators(interceptor, purgesLocation(true)) : interceptor;
}

/** Options are a plain object; an entity is of a class, or has `dependentPaths()`. */
function isOptions(given: unknown): given is PurgePagesOptions {
  if (typeof given !== 'object' || given === null || 'dependentPaths' in given) return false;
  return Object.getPrototypeOf(given) === Object.prototype;
}
