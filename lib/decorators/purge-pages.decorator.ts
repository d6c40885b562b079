import { UseInterceptors } from '@nestjs/common';
import type { PageTarget } from '../invalidation/purge-target.js';
import { NginxCacheConfigError } from '../options/nginx-cache-config.error.js';
import { purgePagesInterceptor } from './purge-pages.interceptor.js';

/** @publicApi */
export interface PurgePagesOptions {
  /** Renders the pages again and replaces them in place, instead of deleting them. Pages by tag are deleted all the same. */
  refresh?: boolean;
  /** Also purges the pages that carry one of these tags. */
  tags?: readonly string[];
}

/** What one function may give: one target, several, or none. */
export type PurgedTargets = PageTarget | readonly PageTarget[] | null | undefined;

/**
 * Gives the pages that a call of a handler has made stale.
 *
 * @param result what the handler has returned; of an Observable, the last value
 * @param request Express's or Fastify's; `undefined` outside HTTP
 * @publicApi
 */
// What both are is known where the function is written, and annotated there.
// oxlint-disable-next-line typescript/no-explicit-any
export type PurgedBy = (result: any, request: any) => PurgedTargets | Promise<PurgedTargets>;

/**
 * Purges pages after the handler has succeeded: not when it throws, not when it answers with 4xx or 5xx. Where the handler
 * returns a value, before the answer leaves (which waits 45 ms at most); with `@Res()`, when the answer has been sent.
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
 * @publicApi
 */
export function PurgePages(
  ...given: [PurgePagesOptions, ...(PurgedTargets | PurgedBy)[]] | (PurgedTargets | PurgedBy)[]
): MethodDecorator {
  const [first, ...rest] = given;
  const options = isOptions(first) ? first : {};
  const targets = (isOptions(first) ? rest : given) as (PurgedTargets | PurgedBy)[];
  const { refresh = false, tags = [] } = options;
  if (typeof refresh !== 'boolean') {
    throw new NginxCacheConfigError('@PurgePages.refresh', refresh, 'true or false');
  }
  // A string is iterable, too: it would become a tag a letter.
  if (!Array.isArray(tags)) throw new NginxCacheConfigError('@PurgePages.tags', tags, 'a list of tags');
  return UseInterceptors(purgePagesInterceptor({ refresh, tags, targets }));
}

/** Options are a plain object; an entity is of a class, or has `dependentPaths()`. */
function isOptions(given: unknown): given is PurgePagesOptions {
  if (typeof given !== 'object' || given === null || 'dependentPaths' in given) return false;
  return Object.getPrototypeOf(given) === Object.prototype;
}
