import * as v from 'valibot';
import { checked, FLAG, strict, TAGS } from '../checks/checked.js';
import { pageCache, type PageCacheHandlerOptions } from '../policies/handler-options.js';

const TTL = 'a number of milliseconds, 0 for "until purged"';
const TAGS_OR_FUNCTION = 'a list of tags, or a function that gives one';

/** How long pages and fragments are kept, and under which tags. */
export const storing = {
  ttl: v.optional(v.pipe(v.number(TTL), v.finite(TTL), v.minValue(0, TTL))),
  // A string is iterable, too: each letter would become a tag. This is no union: valibot would report all of it.
  tags: v.optional(v.lazy((given) => (Array.isArray(given) ? TAGS : v.function(TAGS_OR_FUNCTION)))),
};

const optionsSchema = strict({
  ...storing,
  public: v.optional(FLAG),
  query: v.optional(v.array(v.string('the name of a query parameter'), 'a list of query parameters')),
  skipIf: v.optional(v.function('a function of the execution context')),
});

/**
 * Sets how the pages of a handler or a controller are cached. The options of a handler take precedence over those of its controller. A page
 * gets the tags of both.
 *
 * @param options ttl, tags, query and conditions; see `PageCacheHandlerOptions`
 * @throws {NginxCacheConfigError} when an option is wrong
 * @example
 * // Of the parameters in `query.allow` of the module, this handler reads only `page`.
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
  checked(optionsSchema, options, { of: '@PageCache' });
  return pageCache(options);
}
