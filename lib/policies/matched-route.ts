import type { ExecutionContext } from '@nestjs/common';

/** What the routers leave on a request: Express `route.path`, Fastify `routeOptions.url`. */
interface Routed {
  readonly baseUrl?: string;
  readonly route?: { readonly path?: unknown };
  readonly routeOptions?: { readonly url?: unknown };
}

/** The route that has led a request to its handler. */
export interface MatchedRoute {
  readonly template: string;
  /** Where an Express application is mounted in another one, as the visitor wrote it. It is not part of the template. */
  readonly mount: string;
}

/** @returns `undefined` when the route has no template, for example because it is a regular expression */
export function matchedRoute(context: ExecutionContext): MatchedRoute | undefined {
  const { routeOptions, route, baseUrl = '' } = context.switchToHttp().getRequest<Routed>();
  const template = routeOptions?.url ?? route?.path;
  return typeof template === 'string' ? { template, mount: baseUrl } : undefined;
}
