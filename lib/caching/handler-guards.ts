import { type CanActivate, Inject, Injectable, type Type } from '@nestjs/common';
import { GUARDS_METADATA, SELF_DECLARED_DEPS_METADATA } from '@nestjs/common/constants.js';
import { type ApplicationConfig, ModuleRef } from '@nestjs/core';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { FragmentGuard } from './fragment.guard.js';
import { applicationConfigOf } from './application-config.js';

type Guard = CanActivate | Type<CanActivate>;

/** The guards before a handler that may not let everybody see the same. They are not asked before a page from the cache is sent. */
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
   * Guards before every handler. Do not remember them before the application listens: `app.useGlobalGuards()` may run after this module has
   * been made.
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
    return guards
      .filter((guard) => !isOpen(guard))
      .map(classOf)
      .filter((one) => one !== FragmentGuard && !this.options.harmlessGuards.has(one) && !isKnown(one));
  }
}

function classOf(guard: Guard): Type<CanActivate> {
  return typeof guard === 'function' ? guard : (guard.constructor as Type<CanActivate>);
}

/** `{ canActivate: () => true }`: what nestjs-cls registers where it has no use for a guard. */
function isOpen(guard: Guard): boolean {
  return (
    Object.getPrototypeOf(guard) === Object.prototype &&
    /^\(\) ?=> ?(?:true|!0)$/.test(String((guard as CanActivate).canActivate))
  );
}

/** Known guards, by what they inject. A class that only has the same name, or that extends one of them, does not declare it itself. */
const KNOWN: Readonly<Record<string, string>> = {
  // @nestjs/throttler counts requests. Everybody it lets in sees the same.
  ThrottlerGuard: 'THROTTLER:MODULE_OPTIONS',
  // nestjs-cls opens a context, and lets everybody in.
  ClsGuard: 'ClsGuardOptions',
};

function isKnown(guard: Type<CanActivate>): boolean {
  const injected = Reflect.getOwnMetadata(SELF_DECLARED_DEPS_METADATA, guard) as { param?: unknown }[] | undefined;
  const own = KNOWN[guard.name];
  return own !== undefined && injected?.some(({ param }) => param === own) === true;
}
