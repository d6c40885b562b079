import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { pageCache } from '../policies/handler-options.js';

/** Whether handlers want to be asked before a stored page of theirs is sent, by `skipIf`. */
@Injectable()
export class HandlerConditions {
  readonly #scanner = new MetadataScanner();
  #exist: boolean | undefined;

  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  get exist(): boolean {
    this.#exist ??= this.discovery.getControllers().some(({ metatype }) => {
      if (typeof metatype !== 'function') return false;
      const prototype = metatype.prototype as Record<string, () => unknown>;
      const handlers = this.#scanner.getAllMethodNames(prototype).map((name) => prototype[name]!);
      return [metatype, ...handlers].some((target) => this.reflector.get(pageCache, target)?.skipIf !== undefined);
    });
    return this.#exist;
  }
}
