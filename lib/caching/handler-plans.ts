import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { SSE_METADATA } from '@nestjs/common/constants.js';
import { Reflector } from '@nestjs/core';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed } from '../events/outcomes.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PageDraft } from '../page/page-draft.js';
import type { PageAddress } from '../page/page-key.js';
import { HandlerGuards } from './handler-guards.js';
import { HandlerRoutes } from './handler-routes.js';
import { noPageCache, pageCache, pageFragmentOf, type PageCacheHandlerOptions } from '../policies/handler-options.js';

/** What the decorators say about a handler. */
export interface HandlerPlan {
  /** Why its responses are never pages. */
  readonly exemption: string | undefined;
  readonly options: PageCacheHandlerOptions;
  /** Those of the controller, then those of the handler. */
  readonly tags: readonly NonNullable<PageCacheHandlerOptions['tags']>[];
}

/** Reads the decorators of each handler once, and asks what they were given. */
@Injectable()
export class HandlerPlans {
  readonly #plans = new WeakMap<object, WeakMap<object, HandlerPlan>>();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(HandlerGuards) private readonly guards: HandlerGuards,
    @Inject(HandlerRoutes) private readonly routes: HandlerRoutes,
  ) {}

  of(context: ExecutionContext): HandlerPlan {
    const controller = context.getClass();
    const handler = context.getHandler();
    let plans = this.#plans.get(controller);
    if (!plans) this.#plans.set(controller, (plans = new WeakMap()));
    let plan = plans.get(handler);
    if (!plan) plans.set(handler, (plan = this.read(handler, controller)));
    return plan;
  }

  /** Why a request is kept away from the cache by `skipIf`. */
  skips({ options: { skipIf } }: HandlerPlan, context: ExecutionContext): string | undefined {
    return this.ask(() => (skipIf?.(context) ? 'skip-if' : undefined));
  }

  /** The page that a handler is about to render. */
  draft({ options: { ttl }, tags }: HandlerPlan, context: ExecutionContext, address: PageAddress): PageDraft {
    const draft = new PageDraft(address, this.options.ttl);
    if (ttl !== undefined) draft.ttl = ttl;
    const failure = this.ask(() => {
      for (const some of tags) draft.tag(...(typeof some === 'function' ? some(context) : some));
      return undefined;
    });
    if (failure !== undefined) draft.skip(failure);
    return draft;
  }

  /** A function of the application may throw without harm to the answer, as a listener may. */
  private ask(question: () => string | undefined): string | undefined {
    try {
      return question();
    } catch (error) {
      this.dispatcher.notify(new PageCacheFailed('listener', error));
      return 'listener-error';
    }
  }

  private read(handler: Parameters<Reflector['get']>[1], controller: Parameters<Reflector['get']>[1]): HandlerPlan {
    const targets = [handler, controller];
    const [ofHandler, ofController] = [
      this.reflector.get(pageCache, handler),
      this.reflector.get(pageCache, controller),
    ];
    const options = { ...ofController, ...ofHandler };
    const isPublic = options.public === true;
    const guards = [...this.guards.ofApplication(), ...this.guards.of(controller)];
    // `public` on the controller does not open a handler that has a guard of its own.
    const isGuarded =
      (guards.length > 0 && !isPublic) || (this.guards.of(handler).length > 0 && ofHandler?.public !== true);
    const exemption =
      this.reflector.get(pageFragmentOf, handler)?.isShared === false
        ? 'fragment'
        : this.reflector.getAllAndOverride(noPageCache, targets)
          ? 'no-page-cache'
          : Reflect.hasMetadata(SSE_METADATA, handler)
            ? 'event-stream'
            : isGuarded
              ? 'guarded'
              : this.routes.reasonAgainst(handler, controller, isPublic);
    const tags = [ofController?.tags, ofHandler?.tags].filter((some) => some !== undefined);
    return { exemption, options, tags };
  }
}
