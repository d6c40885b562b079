import { applyDecorators, Get, UseGuards } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { FragmentGuard } from '../caching/fragment.guard.js';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import { FRAGMENT_PATH, isFragmentName } from '../fragments/fragment-address.js';
import { pageFragmentName } from '../policies/handler-options.js';

/**
 * Makes a handler for a fragment: a piece of HTML in cached pages that is made for each visitor, with his cookies, and is never stored.
 * Guards, pipes, interceptors and middleware see a request as any other. Only the module sends it: to everybody else, the address of the
 * handler says 404. `pageFragment(name, params)` puts the fragment into a page; the handler gets the parameters as its query.
 *
 * The handler needs no `@Get()`. It must answer 200 with `text/html`. A cookie that it sets reaches nobody.
 *
 * @param name up to 40 of the characters A-Z a-z 0-9 _ -, a letter or a digit first
 * @throws {NginxCacheConfigError} for any other name
 * @example
 * @PageFragment('user-bar')
 * @Header('content-type', 'text/html')
 * userBar(@Session() session: { name?: string }, @FragmentPage() page: string) {
 *   return session.name ? `Hello ${escape(session.name)}` : `<a href="/login?back=${encodeURIComponent(page)}">Sign in</a>`;
 * }
 * @see https://nginx.org/en/docs/http/ngx_http_ssi_module.html
 *
 * @publicApi
 */
export function PageFragment(name: string): MethodDecorator {
  if (!isFragmentName(name)) {
    throw new NginxCacheConfigError(
      '@PageFragment',
      name,
      'up to 40 of the characters A-Z a-z 0-9 _ -, a letter or a digit first',
    );
  }
  const decorate = applyDecorators(pageFragmentName(name), UseGuards(FragmentGuard));
  return (target, key, descriptor) => {
    decorate(target, key, descriptor);
    const hasRoute = Reflect.hasMetadata(PATH_METADATA, descriptor.value as object);
    if (!hasRoute) Get(`${FRAGMENT_PATH}${name}`)(target, key, descriptor);
  };
}
