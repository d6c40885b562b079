import { applyDecorators, UseInterceptors } from '@nestjs/common';
import * as v from 'valibot';
import { checked, FLAG, strict, TAGS } from '../checks/checked.js';
import { purgesLocation } from '../policies/handler-options.js';
import type { PurgedBy, PurgedTargets, PurgePagesOptions } from './purged-by.js';
import { purgePagesInterceptor } from './purge-pages.interceptor.js';

const optionsSchema = strict({ refresh: v.optional(FLAG), tags: v.optional(TAGS), location: v.optional(FLAG) });

const TARGET =
  'a path like "/posts/1", a URL, an object with dependentPaths(), a list of these, or a function that gives them';
const targetSchema = v.custom(
  (target) => ['string', 'object', 'function', 'undefined'].includes(typeof target),
  TARGET,
);

/**
 * Purges pages after the handler has succeeded, but not if it throws or answers with 4xx or 5xx. If the handler returns a value, the purge
 * comes before the response: the end of the response waits at most 1 s for it, or 45 ms after a GET. With `@Res()`, the purge comes after
 * the response. A purge that fails does not fail the request: `PageCacheFailed` reports it, and the module retries it until the store
 * acknowledges it.
 *
 * @param given options, which may be left out, followed by targets: paths, URLs, entities with `dependentPaths()`, lists of these, or
 *   functions that return them
 * @throws {NginxCacheConfigError} when an option or a target is wrong
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
  const { refresh = false, tags = [], location = false } = checked(optionsSchema, options, { of: '@PurgePages' });
  for (const target of targets) checked(targetSchema, target, { of: '@PurgePages' });
  return (target, method, descriptor) => {
    const interceptor = UseInterceptors(purgePagesInterceptor({ method, refresh, tags, targets }));
    applyDecorators(interceptor, ...(location ? [purgesLocation(true)] : []))(target, method, descriptor);
  };
}

/** Options are a plain object; an entity is of a class, or has `dependentPaths()`. */
function isOptions(given: unknown): given is PurgePagesOptions {
  if (typeof given !== 'object' || given === null || 'dependentPaths' in given) return false;
  return Object.getPrototypeOf(given) === Object.prototype;
}
