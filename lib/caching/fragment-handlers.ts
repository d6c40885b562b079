import { Inject, Injectable, type OnApplicationBootstrap, RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, MODULE_PATH, PATH_METADATA, VERSION_METADATA } from '@nestjs/common/constants.js';
import {
  type ApplicationConfig,
  DiscoveryService,
  MetadataScanner,
  ModuleRef,
  ModulesContainer,
  Reflector,
} from '@nestjs/core';
import { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import type { FragmentRoute, FragmentRoutes } from '../fragments/fragment-routes.js';
import { pageFragmentOf } from '../policies/handler-options.js';
import { applicationConfigOf } from './application-config.js';

/** A controller as Nest has it. */
type Controller = ReturnType<DiscoveryService['getControllers']>[number];
type Handler = (...args: unknown[]) => unknown;

/** Finds the handlers with `@PageFragment()` and the addresses that Nest gives them. */
@Injectable()
export class FragmentHandlers implements FragmentRoutes, OnApplicationBootstrap {
  readonly #config: ApplicationConfig;
  readonly #scanner = new MetadataScanner();
  #routes: ReadonlyMap<string, FragmentRoute> = new Map();

  constructor(
    @Inject(ModuleRef) modules: ModuleRef,
    @Inject(ModulesContainer) private readonly container: ModulesContainer,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {
    this.#config = applicationConfigOf(modules);
  }

  /** Runs before the application listens, and after everything that `main.ts` sets, such as a prefix. */
  onApplicationBootstrap(): void {
    const routes = new Map<string, FragmentRoute>();
    for (const controller of this.discovery.getControllers()) {
      const { metatype } = controller;
      if (typeof metatype !== 'function') continue;
      const prototype = metatype.prototype as Record<string, Handler>;
      for (const method of this.#scanner.getAllMethodNames(prototype)) {
        const handler = prototype[method]!;
        const fragment = this.reflector.get(pageFragmentOf, handler);
        if (fragment === undefined) continue;
        const { name, isShared } = fragment;
        if (routes.has(name)) throw wrong(name, 'the name of one handler only');
        routes.set(name, { path: this.pathFor(name, controller, handler), isShared });
      }
    }
    this.#routes = routes;
  }

  get size(): number {
    return this.#routes.size;
  }

  of(name: string): FragmentRoute | undefined {
    return this.#routes.get(name);
  }

  private pathFor(name: string, controller: Controller, handler: Handler): string {
    const { metatype, host } = controller;
    const versioning = this.#config.getVersioning();
    const factory = new RoutePathFactory(this.#config);
    const [path = ''] = factory.create(
      {
        methodPath: first(Reflect.getMetadata(PATH_METADATA, handler)),
        methodVersion: Reflect.getMetadata(VERSION_METADATA, handler),
        ctrlPath: first(Reflect.getMetadata(PATH_METADATA, metatype as object)),
        controllerVersion: Reflect.getMetadata(VERSION_METADATA, metatype as object) ?? versioning?.defaultVersion,
        modulePath: this.modulePath(host?.metatype),
        globalPrefix: this.#config.getGlobalPrefix(),
        ...(versioning && { versioningOptions: versioning }),
      },
      RequestMethod.GET,
    );
    if (Reflect.getMetadata(METHOD_METADATA, handler) !== RequestMethod.GET) throw wrong(name, 'on a handler for GET');
    if (/[:*{}()[\]+?!]/.test(path)) throw wrong(name, `on a handler whose path has no parameters, and not at ${path}`);
    return path;
  }

  private modulePath(metatype: unknown): string {
    if (typeof metatype !== 'function') return '';
    const own: unknown = Reflect.getMetadata(MODULE_PATH + this.container.applicationId, metatype);
    return String(own ?? Reflect.getMetadata(MODULE_PATH, metatype) ?? '');
  }
}

function first(paths: unknown): string {
  const [path = ''] = [paths ?? ''].flat() as string[];
  return path;
}

function wrong(name: string, allowed: string): NginxCacheConfigError {
  return new NginxCacheConfigError('@PageFragment', name, allowed);
}
