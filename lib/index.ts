export { CurrentPage } from './decorators/current-page.decorator.js';
export { NoPageCache } from './decorators/no-page-cache.decorator.js';
export { OnPageCache, type PageCacheEventClass } from './decorators/on-page-cache.decorator.js';
export { PageCache, type PageCacheHandlerOptions } from './decorators/page-cache.decorator.js';
export {
  PurgePages,
  type PurgedBy,
  type PurgedTargets,
  type PurgePagesOptions,
} from './decorators/purge-pages.decorator.js';
export {
  PageCacheFailed,
  PageRendered,
  PageRequested,
  PageResponding,
  PageSkipped,
  PagesPurged,
  PageStored,
} from './events/page-cache.events.js';
export { PageCacheInterceptor } from './interceptor/page-cache.interceptor.js';
export { type PurgeReport, PurgeIncompleteError } from './invalidation/purge-report.js';
export type { DependentPaths, PageTarget } from './invalidation/purge-target.js';
export { AccelListener } from './listeners/accel.listener.js';
export { AddressableListener } from './listeners/addressable.listener.js';
export { AnonymousOnlyListener } from './listeners/anonymous-only.listener.js';
export { CacheControlListener } from './listeners/cache-control.listener.js';
export { CanonicalAddressListener } from './listeners/canonical-address.listener.js';
export { ConditionalRequestListener } from './listeners/conditional-request.listener.js';
export { ContentTypeListener } from './listeners/content-type.listener.js';
export { DEFAULT_LISTENERS } from './listeners/default-listeners.js';
export { FreshnessListener } from './listeners/freshness.listener.js';
export { HandlerQueryListener } from './listeners/handler-query.listener.js';
export { KeyDriftListener } from './listeners/key-drift.listener.js';
export { LanguageListener } from './listeners/language.listener.js';
export { LostHeadersListener } from './listeners/lost-headers.listener.js';
export { PathExclusionListener } from './listeners/path-exclusion.listener.js';
export { RedirectHostListener } from './listeners/redirect-host.listener.js';
export { SetCookieListener } from './listeners/set-cookie.listener.js';
export { SizeListener } from './listeners/size.listener.js';
export { StatusListener } from './listeners/status.listener.js';
export { VaryListener } from './listeners/vary.listener.js';
export { NginxCacheModule, type NginxCacheModuleExtras } from './module/nginx-cache.module.js';
export { type PageInfo, PageCacheService } from './module/page-cache.service.js';
export type { NginxCacheAsyncOptions } from './module/page-store.module.js';
export type { NginxDeployment } from './nginx/deployment.js';
export { nginxConf, type NginxConf } from './nginx/nginx-conf.js';
export { NginxCacheConfigError } from './options/nginx-cache-config.error.js';
export {
  type AnonymousOnlyOptions,
  defineConfig,
  type NginxCacheOptions,
  type NginxFlavour,
  type RemotePurgeOptions,
} from './options/nginx-cache-options.js';
export type { PageDraft } from './page/page-draft.js';
export type { HeaderField, Page } from './page/page.js';
export type { PageAddress } from './page/page-key.js';
export type { PublishReport } from './publishing/publish-report.js';
export { DEFAULT_IGNORED_COOKIES, type NamePattern } from './rules/cookie.rule.js';
export type { PathPattern } from './rules/path.rule.js';
export type { TrailingSlash } from './rules/canonical-path.rule.js';
export { DEFAULT_IGNORED_PARAMETERS } from './rules/query.rule.js';
export type { Variant } from './rules/variant.js';
export { fileStore, type FileStoreDefinition, type FileStoreOptions } from './stores/files/file-store.js';
export { keyvStore } from './stores/keyv/keyv-store.js';
export { memcachePp } from './stores/memcached/memcache-pp.js';
export { memcachedStore } from './stores/memcached/memcached-store.js';
export { memoryStore } from './stores/memory/memory-store.js';
export type { PageStore, PageStoreDefinition, StoreContext } from './stores/page-store.js';
