import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { isFragmentPath } from '../page/fragment-paths.js';
import { rawPath } from '../rules/request-head.js';
import { templatePattern } from '../rules/route-template.js';
import { type MatchedRoute, matchedRoute } from './matched-route.js';

/**
 * Keeps out aliases of a page: letters in another case than in the route, a trailing slash, parameters in another order, ignored
 * parameters. The alias is answered, but not stored, because a purge of the canonical address would not find it.
 *
 * @publicApi
 */
@Injectable()
export class CanonicalAddressListener {
  readonly #templates = new Map<string, RegExp>();

  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    // The module writes these addresses itself, and the route is another one.
    if (isFragmentPath(event.draft.address.path)) return;
    const request = event.context.switchToHttp().getRequest<IncomingMessage & { originalUrl?: string }>();
    const target = request.originalUrl ?? request.url ?? '';
    const route = matchedRoute(event.context);
    if (target !== event.draft.address.target) event.skip('alias');
    else if (!route || !this.isOwnAddress(route, target)) event.skip('alias');
  }

  private isOwnAddress({ template, mount }: MatchedRoute, target: string): boolean {
    const path = this.withoutSlash(target);
    return path.startsWith(mount) && this.pattern(template).test(path.slice(mount.length) || '/');
  }

  /** The route's own spelling has no slash at its end. Whether an address must have one is a rule (`trailingSlash`). */
  private withoutSlash(target: string): string {
    const path = rawPath(target);
    return this.options.trailingSlash === 'forbid' ? path : path.replace(/(?<=.)\/$/, '');
  }

  private pattern(template: string): RegExp {
    let pattern = this.#templates.get(template);
    if (!pattern) this.#templates.set(template, (pattern = templatePattern(template)));
    return pattern;
  }
}
