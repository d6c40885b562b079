import type { IncomingMessage } from 'node:http';
import { RouterExecutionContext } from '@nestjs/core/router/router-execution-context.js';
import { draftOf } from './current-draft.js';
import { rawOf, type Wrapped } from './raw-of.js';

const HANDLERS = Symbol('nestjs-nginx-cache: handlers');
/** How many handlers of Nest have had the request. */
type Handled = IncomingMessage & { [HANDLERS]?: 'one' | 'several' };
type Next = (...args: unknown[]) => unknown;
type Route = (request: Wrapped<Handled>, response: unknown, next: Next | undefined) => unknown;

/**
 * Whether a handler has handed the request on with `next()`. What answers then may have other guards, tags and options than the handler before, or
 * be no handler at all. And a guard of the handler before has decided who gets that far.
 */
export function isHandedOn(request: Handled): boolean {
  return request[HANDLERS] === 'several';
}

function handOn(request: Handled): void {
  request[HANDLERS] = 'several';
  draftOf(request)?.skip('next');
}

let isWatching = false;

/** Nest has no hook for this. It must be called before any route is made. */
export function watchHandedOn(): void {
  if (isWatching) return;
  isWatching = true;
  const { prototype } = RouterExecutionContext;
  const create = Reflect.get(prototype, 'create') as RouterExecutionContext['create'];
  prototype.create = function (this: RouterExecutionContext, ...args) {
    const route = create.apply(this, args) as Route;
    const watched: Route = (wrapped, response, next) => {
      const request = rawOf(wrapped);
      // The handler before may have done it in another way: `request.next()`, the router itself.
      if (request[HANDLERS]) handOn(request);
      else request[HANDLERS] = 'one';
      // Fastify has no `next()`.
      if (!next) return route(wrapped, response, next);
      return route(wrapped, response, (...given) => {
        handOn(request);
        return next(...given);
      });
    };
    return watched as ReturnType<typeof create>;
  };
}
