import { Inject, Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import { EarlyAnswers } from '../caching/early-answers.js';
import { eventsOf } from '../events/on-page-cache.decorator.js';
import { PageRequested, RequestArrived } from '../events/decisions.events.js';
import { withSafety } from '../policies/default-listeners.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { isObject } from '../checks/is-object.js';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';

/** Finds every `@OnPageCache()` method: first those of the built-in policies, then those of the application. */
@Injectable()
export class ListenerExplorer implements OnModuleInit {
  readonly #scanner = new MetadataScanner();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(EarlyAnswers) private readonly early: EarlyAnswers,
  ) {}

  async onModuleInit(): Promise<void> {
    for (const listener of withSafety(this.options.listeners)) {
      if (!this.listens(listener.prototype as object)) {
        throw new NginxCacheConfigError('listeners', listener, 'a class with a method that is marked @OnPageCache()');
      }
      this.add(await this.modules.create<object>(listener as Type<object>));
    }
    const found = new Set<object>();
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      // A factory may have made the provider, so the class is that of the instance.
      const instance: unknown = wrapper.instance;
      const prototype = isObject(instance)
        ? (Object.getPrototypeOf(instance) as object | null)
        : ((wrapper.metatype as Type | null)?.prototype as object | undefined);
      if (!prototype || !this.listens(prototype)) continue;
      if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) {
        throw new NginxCacheConfigError(
          '@OnPageCache',
          wrapper.metatype,
          'on a singleton, not on a request-scoped or transient provider',
        );
      }
      if (isObject(instance)) found.add(instance);
    }
    for (const instance of found) this.add(instance);
  }

  private listens(prototype: object): boolean {
    return this.methods(prototype).some(({ events }) => events.length > 0);
  }

  private add(listener: object): void {
    for (const { name, events } of this.methods(Object.getPrototypeOf(listener) as object)) {
      if (events.includes(PageRequested) && !events.includes(RequestArrived)) this.early.leaveToHandlers();
      const method = (listener as Record<string, (event: unknown) => unknown>)[name];
      for (const event of events) this.dispatcher.add(event, (occurred) => method?.call(listener, occurred));
    }
  }

  private methods(prototype: object) {
    return this.#scanner
      .getAllMethodNames(prototype)
      .map((name) => ({ name, events: inheritedEvents(prototype, name) }));
  }
}

/**
 * A method that overrides a listener listens to the same events: a class that extends a policy must not lose the policy. But such a method
 * may need to know the handler, which `PageRequested` has and `RequestArrived` has not.
 */
function inheritedEvents(prototype: object | null, name: string, isOverridden = false): ReturnType<typeof eventsOf> {
  if (!prototype) return [];
  const method: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
  const events = eventsOf(method);
  if (events.length > 0) return isOverridden ? events.filter((event) => event !== RequestArrived) : events;
  return inheritedEvents(Object.getPrototypeOf(prototype) as object | null, name, isOverridden || method !== undefined);
}
