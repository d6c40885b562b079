import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { HandlerGuards } from '../caching/handler-guards.js';
import { HandlerRoutes } from '../caching/handler-routes.js';

/** Says once, when the application starts, what keeps whole groups of handlers out of the cache, and how to change that. */
@Injectable()
export class UncachedRoutesReport implements OnApplicationBootstrap {
  readonly #logger = new Logger('PageCache');
  readonly #scanner = new MetadataScanner();

  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(HandlerGuards) private readonly guards: HandlerGuards,
    @Inject(HandlerRoutes) private readonly routes: HandlerRoutes,
  ) {}

  onApplicationBootstrap(): void {
    this.reportGuards();
    if (this.routes.dependsOnVersion) {
      this.#logger.warn(
        'Pages are not cached: the version of the API is not in the path (detail=version). Use VersioningType.URI, or add ' +
          '@PageCache({ public: true }) to handlers without a version, if no handler with a version has the same path.',
      );
    }
    if (this.routes.dependsOnHost) {
      this.#logger.warn(
        'Pages are not cached: some controllers are bound to a host, and the key of a page does not contain the host (detail=host-controller). ' +
          'Set the option hosts.',
      );
    }
  }

  private reportGuards(): void {
    const everywhere = names(this.guards.ofApplication());
    const somewhere = names(this.guardsOfControllers()).filter((name) => !everywhere.includes(name));
    const how = (guard: string) =>
      `A guard that lets everybody see the same is declared with harmlessGuards: [${guard}], a single handler with @PageCache({ public: true }).`;
    if (everywhere[0] !== undefined) {
      const others = somewhere.length > 0 ? `, and some behind ${somewhere.join(', ')}` : '';
      this.#logger.warn(
        `All handlers are behind ${everywhere.join(', ')}${others}: their pages are not cached (detail=guarded). ${how(everywhere[0])}`,
      );
    } else if (somewhere[0] !== undefined) {
      this.#logger.log(`Pages behind ${somewhere.join(', ')} are not cached (detail=guarded). ${how(somewhere[0])}`);
    }
  }

  private guardsOfControllers() {
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      if (typeof metatype !== 'function') return [];
      const prototype = metatype.prototype as Record<string, object>;
      const handlers = this.#scanner.getAllMethodNames(prototype).map((name) => prototype[name] as object);
      return [metatype, ...handlers].flatMap((target) => this.guards.of(target));
    });
  }
}

function names(guards: readonly { readonly name: string }[]): string[] {
  return [...new Set(guards.map(({ name }) => name))];
}
