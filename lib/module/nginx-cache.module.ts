import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { type DynamicModule, Inject, Module } from '@nestjs/common';
import { APP_INTERCEPTOR, DiscoveryModule, ModulesContainer } from '@nestjs/core';
import type { Cache } from 'cache-manager';
import { ListenerExplorer } from './listener-explorer.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed } from '../events/outcomes.events.js';
import { Coalescing } from '../caching/coalescing.js';
import { CurrentDraft } from '../caching/current-draft.js';
import { EarlyAnswers } from '../caching/early-answers.js';
import { ErrorCopies } from '../caching/error-copies.js';
import { FragmentAnswers } from '../caching/fragment-answers.js';
import { CachedFragments } from '../caching/cached-fragments.js';
import { FragmentHandlers } from '../caching/fragment-handlers.js';
import { StoredResponses } from '../caching/stored-responses.js';
import { FragmentRequests } from '../fragments/fragment-requests.js';
import { FragmentRoutes } from '../fragments/fragment-routes.js';
import { SharedFragments } from '../fragments/shared-fragments.js';
import { OutgoingFragments } from '../fragments/outgoing-fragments.js';
import { PageAssembly } from '../fragments/page-assembly.js';
import { HandlerGuards } from '../caching/handler-guards.js';
import { HandlerRoutes } from '../caching/handler-routes.js';
import { HandlerPlans } from '../caching/handler-plans.js';
import { HttpServerObserver } from '../caching/http-server.observer.js';
import { Passage } from '../caching/passage.js';
import { PageCacheInterceptor } from '../caching/page-cache.interceptor.js';
import { BackgroundPurge } from '../purging/background-purge.js';
import { EditionKeeper } from '../purging/edition-keeper.js';
import { PendingPurges } from '../purging/pending-purges.js';
import { Purger } from '../purging/purger.js';
import { ServerChanges } from '../purging/server-changes.js';
import { StoreShutdown } from '../purging/store-shutdown.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import { checkOptions } from '../configuration/check-options.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { OPEN_SERVER, PAGE_CACHE_OPTIONS, PAGE_STORE } from '../options/tokens.js';
import { PageKeys } from '../page/page-key.js';
import { ReceivedRequests } from '../page/received-request.js';
import { Publications } from '../caching/publications.js';
import { PageCacheMetrics } from '../metrics/page-cache-metrics.js';
import { PageInputs } from '../inputs/page-inputs.js';
import { RenderTurns } from '../caching/render-turns.js';
import { ReadReports } from '../caching/read-reports.js';
import { Renderings } from '../caching/renderings.js';
import { Renewals, Renewer } from '../caching/renewals.js';
import { SharedPages } from '../caching/shared-pages.js';
import { StandInRenderings, StandInSender } from '../caching/stand-in-renderings.js';
import { StandIns } from '../caching/stand-ins.js';
import { StoredAnswers } from '../caching/stored-answers.js';
import { StoreOutages } from '../caching/store-outages.js';
import { BulkPublisher } from '../publishing/bulk-publisher.js';
import { InnerStandIns } from '../publishing/inner-stand-ins.js';
import { InnerRequests } from '../publishing/inner-requests.js';
import { OpenPublications } from '../publishing/open-publications.js';
import { PageRenderer } from '../publishing/page-renderer.js';
import { PageRenewer } from '../publishing/page-renewer.js';
import { Publisher } from '../publishing/publisher.js';
import { SitemapReader } from '../publishing/sitemap/sitemap-reader.js';
import { RefreshAhead } from '../publishing/refresh-ahead.js';
import { RemotePurges } from '../purging/remote-purges.js';
import { announcingKeyv } from '../stores/announcing-keyv.js';
import { MemoryTier } from '../stores/memory-tier.js';
import { PageStorage } from '../stores/page-storage.js';
import type { PageStore, SpreadStore } from '../stores/page-store.js';
import { PageCacheLogger } from './page-cache-logger.js';
import { PageCacheService } from './page-cache.service.js';
import { UnsafeRequests } from '../caching/unsafe-requests.js';
import { Visitors } from '../caching/visitors.js';
import { UncachedHandlers } from '../caching/uncached-handlers.js';
import { UncachedRoutesReport } from './uncached-routes.report.js';
import { type NginxCacheAsyncOptions, PageStoreModule } from './page-store.module.js';

/**
 * Options of `forRoot()` and `forRootAsync()` that do not concern nginx.
 *
 * @publicApi
 */
export interface NginxCacheModuleExtras {
  /**
   * Whether the interceptor is registered for the whole application. Default `true`. With `false`, write
   * `@UseInterceptors(PageCacheInterceptor)` on the controllers and handlers that have pages.
   */
  registerInterceptor?: boolean;
}

/**
 * The page cache of an application.
 *
 * @example
 * @Module({ imports: [NginxCacheModule.forRoot({ store: memcachedStore({ servers: '127.0.0.1:11211' }) })] })
 * export class AppModule {}
 *
 * @publicApi
 */
@Module({})
export class NginxCacheModule {
  constructor(@Inject(ModulesContainer) modules: ModulesContainer) {
    mustBeOne([...modules.values()].filter(({ metatype }) => metatype === NginxCacheModule).length);
  }

  /**
   * Registers the page cache with fixed options. Without options, pages are kept in memory for five minutes, and the application serves
   * them.
   *
   * @param options the same object as for `nginxConf()`, and `registerInterceptor`
   * @returns a module to import once, in the root module
   * @throws {NginxCacheConfigError} names the wrong option, what was given and what is allowed
   * @example
   * NginxCacheModule.forRoot({ prefix: 'blog:', store: memcachedStore({ servers: '127.0.0.1:11211' }) })
   */
  static forRoot({
    registerInterceptor = true,
    ...options
  }: NginxCacheOptions & NginxCacheModuleExtras = {}): DynamicModule {
    checkOptions(options);
    return build(PageStoreModule.forRoot(options), registerInterceptor);
  }

  /**
   * Registers the page cache with options that are only known when the application starts.
   *
   * @param options `useFactory` (with `inject`), `useClass` or `useExisting` (with a method `createNginxCacheOptions()`), and `imports`
   * @returns a module to import once, in the root module
   * @example
   * NginxCacheModule.forRootAsync({ inject: [ConfigService], useFactory: (config: ConfigService) => config.getOrThrow('pageCache') })
   */
  static forRootAsync({
    registerInterceptor = true,
    ...options
  }: NginxCacheAsyncOptions & NginxCacheModuleExtras): DynamicModule {
    return build(PageStoreModule.forRootAsync(options), registerInterceptor);
  }
}

/** With two, a purge would go to the `PageCacheService` that is found first, and that cache may serve nothing. */
function mustBeOne(imports: number): void {
  if (imports === 1) return;
  throw new NginxCacheConfigError(
    'NginxCacheModule',
    `forRoot() ${imports} times`,
    'imported once in an application: keep what forRoot() returns in a constant and import that, or run two applications',
  );
}

function build(store: DynamicModule, registerInterceptor: boolean): DynamicModule {
  return {
    module: NginxCacheModule,
    // So that any module can inject `PageCacheService`.
    global: true,
    imports: [
      DiscoveryModule,
      store,
      CacheModule.registerAsync({
        imports: [store],
        inject: [PAGE_STORE],
        useFactory: (pages: PageStore | SpreadStore) => ({ stores: [announcingKeyv(pages)] }),
      }),
    ],
    providers: [
      PageCacheService,
      PageCacheInterceptor,
      PageCacheDispatcher,
      PageCacheLogger,
      PageCacheMetrics,
      ListenerExplorer,
      HttpServerObserver,
      Coalescing,
      RenderTurns,
      CurrentDraft,
      EarlyAnswers,
      ErrorCopies,
      HandlerGuards,
      HandlerPlans,
      HandlerRoutes,
      UncachedHandlers,
      UncachedRoutesReport,
      UnsafeRequests,
      PageInputs,
      Passage,
      ReadReports,
      RemotePurges,
      Renderings,
      StoreOutages,
      PendingPurges,
      EditionKeeper,
      Publications,
      Visitors,
      InnerRequests,
      PageRenderer,
      OpenPublications,
      Publisher,
      BulkPublisher,
      SitemapReader,
      RefreshAhead,
      Renewals,
      { provide: Renewer, useClass: PageRenewer },
      SharedPages,
      StandInRenderings,
      { provide: SharedFragments, useClass: CachedFragments },
      StandIns,
      { provide: StandInSender, useClass: InnerStandIns },
      BackgroundPurge,
      Purger,
      ServerChanges,
      StoreShutdown,
      StoredAnswers,
      StoredResponses,
      FragmentAnswers,
      FragmentHandlers,
      { provide: FragmentRoutes, useExisting: FragmentHandlers },
      FragmentRequests,
      OutgoingFragments,
      PageAssembly,
      {
        provide: PageKeys,
        inject: [PAGE_CACHE_OPTIONS],
        useFactory: (options: CheckedOptions) => new PageKeys(options),
      },
      {
        provide: ReceivedRequests,
        inject: [PAGE_CACHE_OPTIONS, PageKeys],
        useFactory: ({ rules }: CheckedOptions, keys: PageKeys) => new ReceivedRequests(rules, keys),
      },
      {
        provide: PageStorage,
        inject: [CACHE_MANAGER, PAGE_STORE, OPEN_SERVER, PAGE_CACHE_OPTIONS, PageCacheDispatcher],
        useFactory: (
          cache: Cache,
          pages: PageStore | SpreadStore,
          openServer: ((address: string) => PageStore) | undefined,
          { prefix, tier }: CheckedOptions,
          dispatcher: PageCacheDispatcher,
        ) =>
          new PageStorage(
            cache,
            pages,
            prefix,
            (error) => dispatcher.notify(new PageCacheFailed('get', error)),
            openServer,
            tier && new MemoryTier(tier),
          ),
      },
      ...(registerInterceptor ? [{ provide: APP_INTERCEPTOR, useExisting: PageCacheInterceptor }] : []),
    ],
    // Everything that the interceptor needs: with `@UseInterceptors()`, Nest makes it anew in the module of the controller.
    exports: [
      PageCacheService,
      PageCacheInterceptor,
      PageCacheDispatcher,
      CurrentDraft,
      EarlyAnswers,
      ErrorCopies,
      HandlerPlans,
      Passage,
      ReadReports,
      Renderings,
      Coalescing,
      RenderTurns,
      StoredAnswers,
      StandIns,
      Publications,
      PendingPurges,
      BackgroundPurge,
      Purger,
      PageKeys,
      PageStorage,
      ReceivedRequests,
      PageStoreModule,
    ],
  };
}
