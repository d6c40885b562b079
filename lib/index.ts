export { CurrentPage } from './decorators/current-page.decorator.js';
export { FragmentPage } from './decorators/fragment-page.decorator.js';
export { NoPageCache } from './decorators/no-page-cache.decorator.js';
export { OnPageCache, type PageCacheEventClass } from './events/on-page-cache.decorator.js';
export { PageCache } from './decorators/page-cache.decorator.js';
export { PageFragment, type SharedFragmentOptions } from './decorators/page-fragment.decorator.js';
export type { FragmentParams } from './fragments/fragment-address.js';
export { type FragmentOptions, pageFragment } from './fragments/fragment-marker.js';
export type { PageCacheHandlerOptions } from './policies/handler-options.js';
export { PurgePages } from './decorators/purge-pages.decorator.js';
export type { PurgedBy, PurgedTargets, PurgePagesOptions } from './decorators/purged-by.js';
export { PageRendered, PageRequested, RequestArrived, PageResponding } from './events/decisions.events.js';
export {
  PageBypassed,
  PageCacheFailed,
  PageServed,
  PageSkipped,
  PagesPurged,
  PageStored,
  type PublishProgress,
  PublishProgressed,
} from './events/outcomes.events.js';
export { PageCacheInterceptor } from './caching/page-cache.interceptor.js';
export { type PurgeReport, PurgeIncompleteError } from './purging/purge-report.js';
export type { DependentPaths, PageTarget } from './purging/purge-target.js';
export { AccelListener } from './policies/accel.listener.js';
export { AddressableListener } from './policies/addressable.listener.js';
export { AllowOriginListener } from './policies/allow-origin.listener.js';
export { AnonymousOnlyListener } from './policies/anonymous-only.listener.js';
export { CacheControlListener } from './policies/cache-control.listener.js';
export { CanonicalAddressListener } from './policies/canonical-address.listener.js';
export { ConditionalRequestListener } from './policies/conditional-request.listener.js';
export { ContentEncodingListener } from './policies/content-encoding.listener.js';
export { ContentTypeListener } from './policies/content-type.listener.js';
export { CsrfTokenListener } from './policies/csrf-token.listener.js';
export { DEFAULT_LISTENERS, SAFETY_LISTENERS } from './policies/default-listeners.js';
export { FreshnessListener } from './policies/freshness.listener.js';
export { HandlerQueryListener } from './policies/handler-query.listener.js';
export { HostInPageListener } from './policies/host-in-page.listener.js';
export { InnerCacheListener } from './policies/inner-cache.listener.js';
export { KeyDriftListener } from './policies/key-drift.listener.js';
export { OtherConfigurationListener } from './policies/other-configuration.listener.js';
export { LanguageListener } from './policies/language.listener.js';
export { LostHeadersListener } from './policies/lost-headers.listener.js';
export { NonceListener } from './policies/nonce.listener.js';
export { PathExclusionListener } from './policies/path-exclusion.listener.js';
export { RedirectHostListener } from './policies/redirect-host.listener.js';
export { RequestFieldsListener } from './policies/request-fields.listener.js';
export { SetCookieListener } from './policies/set-cookie.listener.js';
export { SizeListener } from './policies/size.listener.js';
export { StaleListener } from './policies/stale.listener.js';
export { StatusListener } from './policies/status.listener.js';
export { VaryListener } from './policies/vary.listener.js';
export { VisitorListener } from './policies/visitor.listener.js';
export { NginxCacheModule, type NginxCacheModuleExtras } from './module/nginx-cache.module.js';
export type { PageCacheHealth, StoreHealth } from './module/page-cache-health.js';
export { type PageInfo, PageCacheService } from './module/page-cache.service.js';
export type { NginxCacheAsyncOptions } from './module/page-store.module.js';
export type { NginxDeployment } from './nginx/deployment.js';
export { nginxConf, type NginxConf } from './configuration/nginx-conf.js';
export { NginxCacheConfigError } from './checks/nginx-cache-config.error.js';
export type { AnonymousOnlyOptions } from './options/anonymous-only-options.js';
export { defineConfig, type NginxCacheOptions, type NginxFlavour } from './options/nginx-cache-options.js';
export type { RefreshAheadOptions } from './options/refresh-ahead-options.js';
export type { RemotePurgeOptions } from './options/remote-purge-options.js';
export type { RequestFieldsOptions } from './options/request-fields-options.js';
export type { PageDraft } from './page/page-draft.js';
export type { StaleTimes } from './page/stale-times.js';
export type { HeaderField } from './http/fields.js';
export type { Page } from './page/page.js';
export { pageNonce } from './page/page-nonce.js';
export type { PageAddress } from './page/page-key.js';
export type { PublishOptions, PublishSitemapOptions } from './publishing/publish-options.js';
export type { PublishManyReport, PublishReport, PublishSitemapReport } from './publishing/publish-report.js';
export type { SitemapSource } from './publishing/sitemap/sitemap-reader.js';
export { DEFAULT_IGNORED_COOKIES, type NamePattern } from './rules/cookie.rule.js';
export type { PathPattern } from './rules/path.rule.js';
export type { TrailingSlash } from './rules/canonical-path.rule.js';
export { DEFAULT_IGNORED_PARAMETERS } from './rules/query.rule.js';
export type { Variant } from './rules/variant.js';
export { fileStore, type FileStoreDefinition } from './stores/files/file-store.js';
export type { FileStoreOptions } from './stores/files/file-store-options.js';
export { keyvStore } from './stores/keyv/keyv-store.js';
export { memcachePp, type MemcachePpOptions } from './stores/memcached/memcache-pp.js';
export type { MemcachedCredentials, MemcachedTls } from './stores/memcached/memcached-access.js';
export type {
  MemcachedServerAddress,
  MemcachedServers,
  MemcachedServerSource,
} from './stores/memcached/memcached-address.js';
export type {
  MemcachedClientDefinition,
  MemcachedMetaClient,
  MemcachedPageClient,
} from './stores/memcached/memcached-client.interface.js';
export { MemcachedError } from './stores/memcached/memcached-error.js';
export { memcachedStore, type MemcachedStoreDefinition } from './stores/memcached/memcached-store.js';
export { dnsServers } from './stores/memcached/servers/dns-servers.js';
export { elastiCacheServers } from './stores/memcached/servers/elasticache-servers.js';
export { memoryStore, type MemoryStoreOptions } from './stores/memory/memory-store.js';
export type { PageDetails } from './stores/page-details.js';
export type {
  ChangingServers,
  PageStore,
  PageStoreDefinition,
  SpreadStore,
  StoreContext,
} from './stores/page-store.js';
