import type { ExecutionContext } from '@nestjs/common';
import { GUARDS_METADATA, SSE_METADATA } from '@nestjs/common/constants.js';
import type { Reflector } from '@nestjs/core';
import { noPageCache, pageCache, type PageCacheHandlerOptions } from '../policies/handler-options.js';

/** What the decorators say about a handler. */
export interface HandlerPlan {
  /** Why its responses are never pages. */
  readonly exempt: string | undefined;
  readonly options: PageCacheHandlerOptions;
}

/** Reads the decorators of each handler once. */
export class HandlerPlans {
  readonly #plans = new WeakMap<object, WeakMap<object, HandlerPlan>>();

  constructor(private readonly reflector: Reflector) {}

  of(context: ExecutionContext): HandlerPlan {
    const controller = context.getClass();
    const handler = context.getHandler();
    let plans = this.#plans.get(controller);
    if (!plans) this.#plans.set(controller, (plans = new WeakMap()));
    let plan = plans.get(handler);
    if (!plan) plans.set(handler, (plan = this.read(handler, controller)));
    return plan;
  }

  private read(handler: Parameters<Reflector['get']>[1], controller: Parameters<Reflector['get']>[1]): HandlerPlan {
    const targets = [handler, controller];
    const [ofHandler, ofController] = [
      this.reflector.get(pageCache, handler),
      this.reflector.get(pageCache, controller),
    ];
    // What the controller says of its pages in general does not open a handler that has a guard of its own.
    const guarded = Reflect.hasMetadata(GUARDS_METADATA, handler)
      ? !ofHandler
      : Reflect.hasMetadata(GUARDS_METADATA, controller) && !ofHandler && !ofController;
    const exempt = this.reflector.getAllAndOverride(noPageCache, targets)
      ? 'no-page-cache'
      : Reflect.hasMetadata(SSE_METADATA, handler)
        ? 'event-stream'
        : guarded
          ? 'guarded'
          : undefined;
    return { exempt, options: { ...ofController, ...ofHandler } };
  }
}
