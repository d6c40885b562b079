import { applyDecorators, Get, UseGuards } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import * as v from 'valibot';
import { FragmentGuard } from '../caching/fragment.guard.js';
import { checked, strict } from '../checks/checked.js';
import { isFragmentName } from '../fragments/fragment-address.js';
import { FRAGMENT_PATH } from '../page/fragment-paths.js';
import { pageCache, type PageCacheHandlerOptions, pageFragmentOf } from '../policies/handler-options.js';
import { storing } from './page-cache.decorator.js';

/**
 * Options of a fragment that is the same for everybody.
 *
 * @example
 * @PageFragment({ name: 'top-posts', shared: true, ttl: 60_000, tags: ['posts'] })
 *
 * @publicApi
 */
export interface SharedFragmentOptions extends Pick<PageCacheHandlerOptions, 'ttl' | 'tags'> {
  /** The name: up to 40 of the characters A-Z a-z 0-9 _ -; the first is a letter or a digit. */
  name: string;
  /** The fragment is rendered for an anonymous visitor, and stored. */
  shared: true;
}

const NAME = 'up to 40 of the characters A-Z a-z 0-9 _ -, a letter or a digit first';
const name = v.custom<string>(isFragmentName, NAME);
const schema = v.lazy((given) =>
  typeof given === 'object'
    ? strict({ ...storing, name, shared: v.literal(true, 'true: any other fragment is given by its name') })
    : name,
);

/**
 * Makes a method the handler of a fragment: a piece of HTML in cached pages. It is rendered for each visitor, with the visitor's cookies, and
 * never stored. With `shared: true`, it is the same for everybody; it is stored separately, and purged without the pages that contain it.
 *
 * Guards, pipes, interceptors and middleware see an ordinary request. Only the module can send it: everybody else gets 404 at the address
 * of the handler. `pageFragment(name, params)` puts the fragment into a page. The handler gets the parameters as its query.
 *
 * The handler needs no `@Get()`. It must answer 200 with `text/html`. Cookies that it sets are dropped.
 *
 * @param fragment the name: up to 40 of the characters A-Z a-z 0-9 _ -; the first is a letter or a digit. For a shared fragment, an object:
 *   `ttl` is in milliseconds, and `tags` are like those of `@PageCache()`
 * @throws {NginxCacheConfigError} for any other name, and for a wrong option
 * @example
 * @PageFragment('user-bar')
 * @Header('content-type', 'text/html')
 * userBar(@Session() session: { name?: string }, @FragmentPage() page: string) {
 *   return session.name ? `Hello ${escape(session.name)}` : `<a href="/login?back=${encodeURIComponent(page)}">Sign in</a>`;
 * }
 * @example
 * @PageFragment({ name: 'top-posts', shared: true, ttl: 60_000, tags: ['posts'] })
 * @see https://nginx.org/en/docs/http/ngx_http_ssi_module.html
 *
 * @publicApi
 */
export function PageFragment(fragment: string | SharedFragmentOptions): MethodDecorator {
  checked(schema, fragment, { of: '@PageFragment' });
  const { name: own, ...options } = typeof fragment === 'string' ? { name: fragment } : fragment;
  const decorate = applyDecorators(
    pageFragmentOf({ name: own, isShared: 'shared' in options }),
    UseGuards(FragmentGuard),
    ...('shared' in options ? [storedAs(options)] : []),
  );
  return (target, key, descriptor) => {
    decorate(target, key, descriptor);
    const hasRoute = Reflect.hasMetadata(PATH_METADATA, descriptor.value as object);
    if (!hasRoute) Get(`${FRAGMENT_PATH}${own}`)(target, key, descriptor);
  };
}

/** `@PageCache()` may set the other options. */
function storedAs({ shared: _shared, ...options }: Omit<SharedFragmentOptions, 'name'>): MethodDecorator {
  return (_target, _key, descriptor) => {
    const handler = descriptor.value as object;
    const said = Reflect.getMetadata(pageCache.KEY, handler) as PageCacheHandlerOptions | undefined;
    Reflect.defineMetadata(pageCache.KEY, { ...said, ...options }, handler);
  };
}
