import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, RequestMethod } from '@nestjs/common';
import { type ApplicationConfig, ModuleRef, Reflector } from '@nestjs/core';
import { RouterExecutionContext } from '@nestjs/core/router/router-execution-context.js';
import { noPageCache } from '../policies/handler-options.js';
import { applicationConfigOf } from './application-config.js';
import { PageCacheInterceptor } from './page-cache.interceptor.js';
import { Passage } from './passage.js';
import { rawOf, type Wrapped } from './raw-of.js';

type Create = RouterExecutionContext['create'];
type Route = (
  request: Wrapped<IncomingMessage>,
  response: Wrapped<ServerResponse>,
  next: () => void,
) => Promise<unknown>;

/** A handler whose route Nest is making. */
interface Making {
  readonly targets: Parameters<Reflector['getAllAndOverride']>[1];
  readonly method: RequestMethod;
  /** Leads its requests past the cache; set when the interceptor was left out. */
  lead?: (route: Route) => Route;
}

let making: Making | undefined;
let isWatching = false;

/**
 * Leaves the interceptor of the whole application out of GET handlers with `@NoPageCache()`. As soon as there is one interceptor, Nest makes
 * three Observables per request, which costs a quarter of what a small handler on Fastify costs. (Other methods need the interceptor: their
 * success makes pages stale.)
 */
@Injectable()
export class UncachedHandlers {
  constructor(
    @Inject(ModuleRef) modules: ModuleRef,
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(Passage) private readonly passage: Passage,
  ) {
    watch();
    // This comes before any route is made: modules are instantiated first.
    this.leaveOut(applicationConfigOf(modules));
  }

  private leaveOut(config: ApplicationConfig): void {
    const all = config.getGlobalInterceptors.bind(config);
    config.getGlobalInterceptors = () => {
      const interceptors = all();
      if (!making || !this.isUncached(making)) return interceptors;
      const others = interceptors.filter((one) => one.constructor !== PageCacheInterceptor);
      if (others.length < interceptors.length) making.lead = (route) => this.lead(route);
      return others;
    };
  }

  private isUncached({ method, targets }: Making): boolean {
    return method === RequestMethod.GET && this.reflector.getAllAndOverride(noPageCache, targets) === true;
  }

  private lead(route: Route): Route {
    return (request, response, next) =>
      this.passage.passHandler(rawOf(request), rawOf(response), 'no-page-cache', () => route(request, response, next));
  }
}

/** Nest has no hook for this: it asks for the interceptors of the application without saying for which handler. */
function watch(): void {
  if (isWatching) return;
  isWatching = true;
  const { prototype } = RouterExecutionContext;
  const create = Reflect.get(prototype, 'create') as Create;
  prototype.create = function (this: RouterExecutionContext, ...args) {
    const [instance, handler, , , method] = args;
    const outer = making;
    const own: Making = { targets: [handler, instance.constructor as never], method };
    making = own;
    try {
      const route = create.apply(this, args);
      return own.lead ? (own.lead(route as Route) as typeof route) : route;
    } finally {
      making = outer;
    }
  };
}
