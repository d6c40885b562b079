import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { rawPath } from '../rules/request-head.js';
import { templatePattern } from '../rules/route-template.js';

/** What the routers leave on a request: Express `route.path`, Fastify `routeOptions.url`. */
type Routed = IncomingMessage & {
  originalUrl?: string;
  baseUrl?: string;
  route?: { path?: unknown };
  routeOptions?: { url?: unknown };
};

/**
 * An alias of a page is answered but not stored: other letters than the route's own, a trailing slash, parameters in
 * another order, ignored parameters. A purge of the page's own address would leave it behind.
 */
@Injectable()
export class CanonicalAddressListener {
  readonly #templates = new Map<string, RegExp>();

  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {}

  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const request = event.context.switchToHttp().getRequest<Routed>();
    const target = request.originalUrl ?? request.url ?? '';
    const template = request.routeOptions?.url ?? request.route?.path;
    if (target !== event.draft.address.target) event.skip('alias');
    else if (typeof template !== 'string' || !this.isOwnAddress(template, request.baseUrl ?? '', target))
      event.skip('alias');
  }

  /** @param mount where an Express application is mounted in another: as the visitor wrote it, so it is no part of the template */
  private isOwnAddress(template: string, mount: string, target: string): boolean {
    const path = this.withoutSlash(target);
    return path.startsWith(mount) && this.pattern(template).test(path.slice(mount.length) || '/');
  }

  /** The route's own letters have no slash at their end; whether the address must have one is a rule (`trailingSlash`). */
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
