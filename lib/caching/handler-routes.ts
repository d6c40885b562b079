import { Inject, Injectable, VERSION_NEUTRAL, VersioningType } from '@nestjs/common';
import { HOST_METADATA, VERSION_METADATA } from '@nestjs/common/constants.js';
import { type ApplicationConfig, DiscoveryService, ModuleRef } from '@nestjs/core';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { applicationConfigOf } from './application-config.js';

/** What leads Nest to a handler besides the path. Such an address may lead another visitor to another handler. */
@Injectable()
export class HandlerRoutes {
  readonly #config: ApplicationConfig;
  #hasHostControllers: boolean | undefined;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ModuleRef) modules: ModuleRef,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
  ) {
    this.#config = applicationConfigOf(modules);
  }

  /**
   * Why a page of the handler does not stand for its address.
   *
   * @param isPublic whether the handler is said to be the only one at its address, as `@PageCache({ public: true })` does
   */
  reasonAgainst(handler: object, controller: object, isPublic: boolean): string | undefined {
    if (this.dependsOnVersion && !(isPublic && this.isNeutral(handler, controller))) return 'version';
    const isOfHost = hasHost(controller);
    if (this.dependsOnHost && !(isPublic && !isOfHost)) return 'host-controller';
    return undefined;
  }

  /** Whether any controller has a host: all other handlers answer for the remaining hosts. With `hosts`, the key has the host. */
  get dependsOnHost(): boolean {
    if (this.options.hosts) return false;
    this.#hasHostControllers ??= this.discovery
      .getControllers()
      .some(({ metatype }) => typeof metatype === 'function' && hasHost(metatype));
    return this.#hasHostControllers;
  }

  /** Whether versions are told by a field, a media type or whatever `extractor` looks at. Versions in the path are in the key. */
  get dependsOnVersion(): boolean {
    const versioning = this.#config.getVersioning();
    return versioning !== undefined && versioning.type !== VersioningType.URI;
  }

  private isNeutral(handler: object, controller: object): boolean {
    const version: unknown =
      Reflect.getMetadata(VERSION_METADATA, handler) ??
      Reflect.getMetadata(VERSION_METADATA, controller) ??
      this.#config.getVersioning()?.defaultVersion;
    return version === undefined || version === VERSION_NEUTRAL;
  }
}

function hasHost(controller: object): boolean {
  return Reflect.getMetadata(HOST_METADATA, controller) !== undefined;
}
