import { type CanActivate, Inject, Injectable, type Type } from '@nestjs/common';
import { GUARDS_METADATA, SELF_DECLARED_DEPS_METADATA } from '@nestjs/common/constants.js';
import { type ApplicationConfig, ModuleRef } from '@nestjs/core';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { applicationConfigOf } from './application-config.js';

type Guard = CanActivate | Type<CanActivate>;

/** The guards before a handler that may not let everybody see the same: nobody asks them before a page from the cache. */
@Injectable()
export class HandlerGuards {
  readonly #config: ApplicationConfig;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ModuleRef) modules: ModuleRef,
  ) {
    this.#config = applicationConfigOf(modules);
  }

  /**
   * Guards before every handler. Not to be remembered before the application listens: `app.useGlobalGuards()` may come after this module
   * has been made.
   */
  ofApplication(): Type<CanActivate>[] {
    const scoped = this.#config.getGlobalRequestGuards().map(({ metatype }) => metatype as Type<CanActivate>);
    return this.harmful([...this.#config.getGlobalGuards(), ...scoped]);
  }

  /** Guards that `@UseGuards()` has put on a controller or a handler. */
  of(target: object): Type<CanActivate>[] {
    return this.harmful((Reflect.getMetadata(GUARDS_METADATA, target) as Guard[] | undefined) ?? []);
  }

  private harmful(guards: readonly Guard[]): Type<CanActivate>[] {
    return guards.map(classOf).filter((one) => !this.options.harmlessGuards.has(one) && !isThrottlerGuard(one));
  }
}

function classOf(guard: Guard): Type<CanActivate> {
  return typeof guard === 'function' ? guard : (guard.constructor as Type<CanActivate>);
}

/**
 * `ThrottlerGuard` of @nestjs/throttler counts requests: whom it lets in, it lets see the same. Known by what it injects, which a
 * class of that name alone, or one that extends it, does not declare itself.
 */
function isThrottlerGuard(guard: Type<CanActivate>): boolean {
  const injected = Reflect.getOwnMetadata(SELF_DECLARED_DEPS_METADATA, guard) as { param?: unknown }[] | undefined;
  return (
    guard.name === 'ThrottlerGuard' && injected?.some(({ param }) => param === 'THROTTLER:MODULE_OPTIONS') === true
  );
}
