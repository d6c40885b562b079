import type { CanActivate, Type } from '@nestjs/common';
import type { NamePattern } from '../rules/cookie.rule.js';
import type { TrailingSlash } from '../rules/canonical-path.rule.js';
import type { PathPattern } from '../rules/path.rule.js';
import type { AllowedParameters } from '../rules/query.rule.js';
import type { Variant } from '../rules/variant.js';
import type { PageStoreDefinition } from '../stores/page-store.js';
import type { AnonymousOnlyOptions } from './anonymous-only-options.js';
import type { RefreshAheadOptions } from './refresh-ahead-options.js';
import type { RemotePurgeOptions } from './remote-purge-options.js';
import type { RequestFieldsOptions } from './request-fields-options.js';

/**
 * How nginx reads the store.
 *
 * @publicApi
 */
export type NginxFlavour = 'memcached' | 'srcache' | 'njs' | 'files';

/**
 * The options of the page cache. The module and `nginxConf()` take the same ones.
 *
 * @example
 * export default defineConfig({
 *   prefix: 'blog:',
 *   ttl: 300_000,
 *   store: memcachedStore({ servers: '127.0.0.1:11211' }),
 *   hosts: ['example.com'],
 *   exclude: ['/admin/*'],
 * });
 *
 * @publicApi
 */
export interface NginxCacheOptions {
  /** The beginning of every key. Give each site on a memcached server its own. Default `page:`. */
  prefix?: string;

  /**
   * The running build, such as `process.env.BUILD_ID`. When a process of another version starts, it deletes the pages of the old version,
   * and processes of the old version store nothing any more. The version is not part of the keys, and nginx need not know it. It does not
   * work with `keyvStore()` and `memcachePp()`, whose processes do not know of each other. Default: none; pages survive a deploy.
   */
  version?: string | undefined;

  /** How long a page is served, in milliseconds; 0 = until purged. Default 5 minutes. */
  ttl?: number;

  /**
   * For how many milliseconds after its expiry a page is still sent while it is rendered again. The application answers with a copy at
   * once, and renders the page once in the background. Default 0: visitors wait for the new page. `stale-while-revalidate` in the
   * `Cache-Control` of a page sets another time for it; `must-revalidate` and `proxy-revalidate` forbid it. It applies to pages with a
   * `ttl`; not with `keyvStore()` and `memcachePp()`.
   *
   * @example
   * staleWhileRevalidate: 60_000
   * @see https://www.rfc-editor.org/rfc/rfc5861#section-3
   */
  staleWhileRevalidate?: number;

  /**
   * For how many milliseconds after its expiry a page is still sent instead of an error. nginx sends it when the application is down or too
   * slow; the application sends it when it would answer 500, 502, 503 or 504. Default 0: visitors see the error. It is at least as long as
   * `staleWhileRevalidate`. `stale-if-error` in the `Cache-Control` of a page sets another time for it; `must-revalidate` and
   * `proxy-revalidate` forbid it. It applies to pages with a `ttl`; not with `keyvStore()` and `memcachePp()`.
   *
   * @example
   * staleIfError: 24 * 60 * 60_000
   * @see https://www.rfc-editor.org/rfc/rfc5861#section-4
   */
  staleIfError?: number;

  /** Where pages are kept. Default `memoryStore()`: in the memory of this process. The application then serves them. */
  store?: PageStoreDefinition;

  /**
   * Two stores instead of `store`: the memory of this process in front of a store that all processes share. The application answers from
   * memory without asking the store; nginx reads the store. After a purge by another process, a page may still be answered from memory for
   * the `ttl` of `memoryStore()` (default 1000 ms); after a purge by this process it is not. Default: none.
   *
   * @example
   * tiers: [memoryStore({ maxBytes: 64 * 1024 * 1024, ttl: 1000 }), memcachedStore({ servers: '127.0.0.1:11211' })]
   */
  tiers?: readonly [memory: PageStoreDefinition, last: PageStoreDefinition];

  /** How nginx reads the store, and what it sends with each page. */
  nginx?: {
    /**
     * `memcached` and `files` keep the body of a page, `srcache` and `njs` whole responses; the last two need modules of nginx
     * (docs/nginx.md). Default `memcached` with a memcached store, `files` with a file store. No flavour can read the pages of another.
     */
    flavour?: NginxFlavour;
    /**
     * The content type that nginx sends with every page of `memcached` and `files`, which keep only the body.
     * Pages of any other type are not stored. Default `text/html; charset=utf-8`.
     */
    contentType?: string;
    /**
     * The content types of some paths, in the same flavours: `/feed.xml`, or `/api/*` with everything below. The first match counts; without a
     * match, `contentType` does.
     *
     * @example
     * contentTypes: { '/feed.xml': 'application/rss+xml; charset=utf-8', '/api/*': 'application/json; charset=utf-8' }
     */
    contentTypes?: Readonly<Record<string, string>>;
    /**
     * Header fields that nginx sends with every page of a flavour that keeps only the body. A page that comes with any other field, with
     * another value, or without one of them, is not stored; the log shows the lines that would allow it. Up to 4000 visible
     * characters and spaces each, without `$`. In a policy, `{pageNonce}` is the nonce of each response (`pageNonce()`).
     *
     * @example
     * headers: { 'X-Frame-Options': 'DENY', 'Permissions-Policy': 'geolocation=(self "https://maps.example")' }
     */
    headers?: Readonly<Record<string, string>>;
  };

  /**
   * Whether only visitors without a session get pages from the cache and store them. Default `true`: every cookie may belong to a session,
   * except those of well-known analytics scripts. With `false`, cookies make no difference; but a page that was made for a known visitor is
   * still not stored.
   */
  anonymousOnly?: boolean | AnonymousOnlyOptions;

  /** Only these paths are cached: `/posts/*` (with everything below), or regular expressions. Default: all. */
  include?: readonly PathPattern[];

  /** These paths are neither stored nor served, even if they were stored before. */
  exclude?: readonly PathPattern[];

  /**
   * The paths of pages that contain fragments; patterns as in `include`. nginx reads only these pages with its SSI filter, so all others
   * stay as fast as before. A page with a fragment on any other path is not stored. Default: none.
   *
   * @example
   * fragments: ['/', '/posts/*']
   * @see https://nginx.org/en/docs/http/ngx_http_ssi_module.html
   */
  fragments?: readonly PathPattern[];

  /** How long a fragment may take, in milliseconds. After that, the page shows its fallback. Default 1000. */
  fragmentTimeout?: number;

  /**
   * Pages that are the same for every visitor. Visitors with cookies or `Authorization` get them as well, unless `include` and `exclude`
   * forbid it. Patterns as in `include`. Default: none. For such a visitor, the application renders the page by a request of its own, which
   * has only the cookies of `variants`, no credentials, and nothing else of the visitor. If that page cannot be stored (because it sets a
   * cookie, for example), the visitor gets an answer of their own.
   *
   * @example
   * shared: ['/', '/posts/*']
   */
  shared?: readonly PathPattern[];

  /**
   * Which query parameters are part of a page. A request with any other parameter bypasses the cache.
   *
   * @example
   * query: { allow: ['page'], ignore: [/^utm_/, 'gclid'] }
   */
  query?: {
    /**
     * Parameters that belong to the page: names, or patterns of values by name. A request with any other parameter that is not ignored
     * bypasses the cache, and so does one with another value, so that nobody can fill the cache with pages that do not exist.
     *
     * @example
     * allow: { page: /^[1-9]\d{0,2}$/, sort: /^(?:name|price)$/ }
     */
    allow?: AllowedParameters;
    /**
     * Parameters that do not change the page: exact names, names with `*`, or regular expressions. The list replaces the default list: the
     * parameters of well-known campaigns (`utm_*`, `gclid`, …).
     */
    ignore?: readonly NamePattern[];
  };

  /**
   * The hosts of the site. They become part of the key, and requests for other hosts bypass the cache. Without `hosts`, or with `'any'`,
   * all hosts share the same pages, and a page that shows the host of its request is not stored. `nginxConf().full` needs a list, or
   * `'any'`.
   */
  hosts?: readonly string[] | 'any';

  /**
   * The address of the site, such as `https://example.com`. `publish()` and `refresh()` render pages for it. Default: `https://` and the
   * first of `hosts`. Without both, they render pages for a host that does not exist, and a page that shows this host is not stored.
   */
  origin?: string;

  /** Several renderings of the same addresses: by language, for phones, … Each value has its own page. */
  variants?: readonly Variant[];

  /** How request fields that are not part of the key are treated. By default, a page that was made from such a field is not stored. */
  requestFields?: RequestFieldsOptions;

  /** Whether addresses end in a slash. Default `forbid`: `/about/` is answered, but only `/about` is stored. */
  trailingSlash?: TrailingSlash;

  /**
   * Whether `s-maxage`, `max-age`, `CDN-Cache-Control` and `Expires` of a response decide how long its page is kept. Default `true`. A ttl
   * from `@PageCache()` or `page.ttl` takes precedence. (`no-store`, `private` and `no-cache` always count.) With `required`, a response
   * without any of these is not stored, and the `ttl` of the module is not used.
   */
  respectCacheControl?: boolean | 'required';

  /**
   * The `Cache-Control` of pages for browsers and CDNs: the same on a miss and on a hit. Default: what the application sends, on a miss
   * and, if the flavour keeps header fields, on a hit. It is sent before `PageRendered` listeners are called, so a page that they skip has
   * it, too.
   */
  clientCacheControl?: string;

  /** Request fields that `Vary` may name although they do not change the page. */
  excuseVary?: readonly string[];

  /** Response fields that hits may lack, with a flavour that keeps only the body: `X-Build`, `X-Debug-*`. */
  excuseHeaders?: readonly string[];

  /** Cookies that a page may set. They are removed from the stored page. */
  excuseCookies?: readonly NamePattern[];

  /**
   * Whether a successful POST, PUT, PATCH or DELETE purges the page at its own address. Default `true`. `@NoPageCache()` on the handler
   * prevents it. `@PurgePages({ location: true })` also purges the pages at its `Location` and `Content-Location`.
   */
  purgeAfterUnsafe?: boolean;

  /** Purging over HTTP: `PURGE /path` with `Authorization: Bearer <token>`. Default: off. */
  remotePurge?: RemotePurgeOptions;

  /**
   * Whether pages that visitors read are rendered again shortly before they expire, so that nobody waits for them. Pages that nobody reads
   * expire. One process does this for all. It does not work with `keyvStore()` and `memcachePp()`, which do not know which pages are read.
   * Default `false`.
   *
   * @example
   * refreshAhead: { inactive: 300_000, rate: 50 }
   */
  refreshAhead?: boolean | RefreshAheadOptions;

  /** A secret. A request with it in `X-Page-Cache-Bypass` gets the uncached page. Default: none. */
  bypassToken?: string;

  /** How stored pages are compressed. Clients without gzip get them decompressed. Default `gzip`. */
  compress?: 'gzip' | false;

  /** Larger pages are not stored. In bytes, before compression. Default 1,000,000. */
  maxPageBytes?: number;

  /**
   * The statuses that are stored. Default `[200]`, the only one that `memcached` and `files` can serve. `srcache`, `njs` and stores that
   * the application serves keep the whole response. They also store every other status below 500 if its response says how long it is fresh.
   */
  statuses?: readonly number[];

  /**
   * Guards behind which everybody sees the same page, so that pages behind them may be stored. Only these exact classes count, because a
   * subclass may check more. `ThrottlerGuard` of @nestjs/throttler is always included. For single handlers use `@PageCache({ public: true
   * })`.
   */
  harmlessGuards?: readonly Type<CanActivate>[];

  /**
   * The classes that decide about requests and pages. Default `DEFAULT_LISTENERS`. The listeners that keep private pages out of the cache
   * always run, even if they are not in the list.
   */
  listeners?: readonly Type[];
}

/**
 * Gives the options in `nginx-cache.config.ts` their type.
 *
 * @param options the options of the module
 * @returns the same options
 * @example
 * export default defineConfig({ prefix: 'blog:', store: memcachedStore({ servers: '127.0.0.1:11211' }) });
 *
 * @publicApi
 */
export function defineConfig(options: NginxCacheOptions): NginxCacheOptions {
  return options;
}
