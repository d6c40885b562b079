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
 * @publicApi
 */
export interface NginxCacheOptions {
  /** Every key begins with it: one for each site on a memcached server. Default `page:`. */
  prefix?: string;

  /**
   * The build that runs: `process.env.BUILD_ID`. When a process of another version starts, the pages of the former one go, and processes
   * that still run it store nothing any more. It is no part of the keys, and nginx need not know. Not with `keyvStore()` and `memcachePp()`,
   * whose processes do not know of each other. Default: none, pages outlive a deploy.
   */
  version?: string | undefined;

  /** How long a page is served, in milliseconds; 0 = until purged. Default 5 minutes. */
  ttl?: number;

  /**
   * How long after its end a page is still sent while it is being rendered again, in milliseconds: the application answers with a copy at once,
   * and renders the page in the background, once. Default 0: visitors wait for the new page. `stale-while-revalidate` in the `Cache-Control`
   * of a page says another time for it; `must-revalidate` and `proxy-revalidate` forbid it. For pages with a `ttl`; not with `keyvStore()`
   * and `memcachePp()`.
   *
   * @example
   * staleWhileRevalidate: 60_000
   * @see https://www.rfc-editor.org/rfc/rfc5861#section-3
   */
  staleWhileRevalidate?: number;

  /**
   * How long after its end a page is still sent instead of an error, in milliseconds: by nginx, when the application is down or too slow, and by the
   * application, when it would answer 500, 502, 503 or 504. Default 0: visitors see the error. As long as `staleWhileRevalidate` at least.
   * `stale-if-error` in the `Cache-Control` of a page says another time for it; `must-revalidate` and `proxy-revalidate` forbid it. For
   * pages with a `ttl`; not with `keyvStore()` and `memcachePp()`.
   *
   * @example
   * staleIfError: 24 * 60 * 60_000
   * @see https://www.rfc-editor.org/rfc/rfc5861#section-4
   */
  staleIfError?: number;

  /** Where pages are kept. Default `memoryStore()`: in this process, served by the application. */
  store?: PageStoreDefinition;

  /**
   * In the place of `store`: memory of this process in front of a store that all processes share. The application answers from memory without
   * asking the store; nginx reads the store. A page that another process has purged may be answered from memory for the `ttl` of
   * `memoryStore()` (default 1000 ms), one that this process has purged is not. Default: none.
   *
   * @example
   * tiers: [memoryStore({ maxBytes: 64 * 1024 * 1024, ttl: 1000 }), memcachedStore({ servers: '127.0.0.1:11211' })]
   */
  tiers?: readonly [memory: PageStoreDefinition, last: PageStoreDefinition];

  /** How nginx reads the store, and what it sends with each page. */
  nginx?: {
    /**
     * `memcached` and `files` keep the body of a page, `srcache` and `njs` whole responses; the last two need modules of nginx
     * (docs/nginx.md). Default `memcached` with a memcached store, `files` with a file store. Pages of one flavour are no pages for another.
     */
    flavour?: NginxFlavour;
    /**
     * The content type that nginx sends with every page of `memcached` and `files`, which keep nothing but the body.
     * Pages of any other type are not stored. Default `text/html; charset=utf-8`.
     */
    contentType?: string;
    /**
     * The content types of some paths, in the same flavours: `/feed.xml`, or `/api/*` with everything below. The first that matches counts, else
     * `contentType`.
     *
     * @example
     * contentTypes: { '/feed.xml': 'application/rss+xml; charset=utf-8', '/api/*': 'application/json; charset=utf-8' }
     */
    contentTypes?: Readonly<Record<string, string>>;
    /**
     * Header fields that nginx sends with every page of a flavour that keeps nothing but the body. A page that comes with any other
     * field, with another value, or without one of them, is not stored; the log has the lines that would settle it. Up to 4000 visible
     * characters and spaces each, without `$`.
     *
     * @example
     * headers: { 'X-Frame-Options': 'DENY', 'Permissions-Policy': 'geolocation=(self "https://maps.example")' }
     */
    headers?: Readonly<Record<string, string>>;
  };

  /**
   * Whether only visitors without a session get pages from the cache and put them there. Default `true`: any cookie
   * but those of well-known analytics scripts may be a session. With `false`, cookies make no difference; a page that was made
   * for a known visitor is not stored all the same.
   */
  anonymousOnly?: boolean | AnonymousOnlyOptions;

  /** Only these paths are cached: `/posts/*` (with everything below), or regular expressions. Default: all. */
  include?: readonly PathPattern[];

  /** These paths are neither stored nor served, even if they were stored before. */
  exclude?: readonly PathPattern[];

  /**
   * The paths of pages that contain fragments, like those of `include`. nginx reads only these with its SSI filter, so all others keep
   * their speed. A page with a fragment on any other path is answered, and not stored. Default: none.
   *
   * @example
   * fragments: ['/', '/posts/*']
   * @see https://nginx.org/en/docs/http/ngx_http_ssi_module.html
   */
  fragments?: readonly PathPattern[];

  /** So long a fragment may take, in milliseconds; then its fallback stands in its place. Default 1000. */
  fragmentTimeout?: number;

  /**
   * Pages that are the same for every visitor: visitors with cookies or `Authorization` get them as well, as far as `include` and `exclude`
   * allow. Patterns as in `include`. Default: none. For such a visitor the application makes the page by a request of its own, which has no
   * cookies but those of `variants`, no credentials and nothing else of the visitor. What is not stored then (since it sets a cookie, say), the
   * visitor gets made for himself.
   *
   * @example
   * shared: ['/', '/posts/*']
   */
  shared?: readonly PathPattern[];

  query?: {
    /**
     * Parameters that belong to the page: names, or patterns of values by name. A request with any other, not ignored parameter bypasses
     * the cache, and so does one with another value, so that nobody can fill the cache with pages that do not exist.
     *
     * @example
     * allow: { page: /^[1-9]\d{0,2}$/, sort: /^(?:name|price)$/ }
     */
    allow?: AllowedParameters;
    /** Parameters that do not change the page. Default: those of well-known campaigns (`utm_*`, `gclid`, …). */
    ignore?: readonly NamePattern[];
  };

  /**
   * The hosts of the site. They become part of the key, and requests for other hosts bypass the cache. Without them, or with `'any'`, every
   * host shares the same pages, and a page that shows the host of its request is not stored. `nginxConf().full` needs a list, or `'any'`.
   */
  hosts?: readonly string[] | 'any';

  /**
   * Where visitors find the site: `https://example.com`. `publish()` and `refresh()` render pages for it. Default: `https://` and the first of
   * `hosts`; without either, for a host that does not exist, and pages that show it are not stored.
   */
  origin?: string;

  /** Second renderings of the same addresses: by language, for phones, … Each value has a page of its own. */
  variants?: readonly Variant[];

  /** Request fields that are no part of the key. A page that was made from any other is not stored. */
  requestFields?: RequestFieldsOptions;

  /** Whether addresses end in a slash. Default `forbid`: `/about/` is answered, but only `/about` is a page. */
  trailingSlash?: TrailingSlash;

  /**
   * Whether `s-maxage`, `max-age`, `CDN-Cache-Control` and `Expires` of a response decide how long its page is kept. Default `true`.
   * A ttl from `@PageCache()` or `page.ttl` comes first. (`no-store`, `private` and `no-cache` always count.) With `required`, nothing is
   * stored for which neither of them says how long: `ttl` is for no page then.
   */
  respectCacheControl?: boolean | 'required';

  /**
   * `Cache-Control` of pages, for browsers and CDNs: the same on a miss and on a hit. Default: what the application sends on a miss,
   * and on a hit where header fields are kept. It leaves before `PageRendered` listeners are asked: a page that they skip has it, too.
   */
  clientCacheControl?: string;

  /** Request fields that `Vary` may name although they do not change the page. */
  excuseVary?: readonly string[];

  /** Response fields that may be lost on hits, with a flavour that keeps nothing but the body: `X-Build`, `X-Debug-*`. */
  excuseHeaders?: readonly string[];

  /** Cookies that a page may set: they are taken off the stored page. */
  excuseCookies?: readonly NamePattern[];

  /**
   * Whether a successful POST, PUT, PATCH or DELETE purges the page at its own address. Default `true`. A handler with `@NoPageCache()` does
   * not; with `@PurgePages({ location: true })` it also purges the pages at its `Location` and `Content-Location`.
   */
  purgeAfterUnsafe?: boolean;

  /** Purging over HTTP: `PURGE /path` with `Authorization: Bearer <token>`. Default: off. */
  remotePurge?: RemotePurgeOptions;

  /**
   * Whether pages that visitors read are rendered again shortly before they end, so that nobody waits for them; what nobody reads ends. One process
   * does it for all. Not with `keyvStore()` and `memcachePp()`, which do not know what is read. Default `false`.
   *
   * @example
   * refreshAhead: { inactive: 300_000, rate: 50 }
   */
  refreshAhead?: boolean | RefreshAheadOptions;

  /** A request that sends it as `X-Page-Cache-Bypass` gets the uncached page. Default: no request does. */
  bypassToken?: string;

  /** Store pages gzipped; clients without gzip get them unpacked. Default `gzip`. */
  compress?: 'gzip' | false;

  /** Larger pages are not stored. In bytes, before compression. Default 1,000,000. */
  maxPageBytes?: number;

  /**
   * Statuses that are stored. Default `[200]`, the only one that `memcached` and `files` can serve. Where the whole response is kept (`srcache`,
   * `njs`, stores that the application serves), every other status below 500 is stored as well if its response says how long it is fresh.
   */
  statuses?: readonly number[];

  /**
   * Guards behind which pages may be stored, because they let everybody see the same. Only these exact classes count, since a class that
   * extends such a guard may ask for more. `ThrottlerGuard` of @nestjs/throttler is always among them. For single handlers use `@PageCache({ public: true })`.
   */
  harmlessGuards?: readonly Type<CanActivate>[];

  /**
   * The classes that decide about requests and pages. Default `DEFAULT_LISTENERS`. The listeners that keep private pages out of the
   * cache always run, even if the list lacks them.
   */
  listeners?: readonly Type[];
}

/**
 * Types the options in `nginx-cache.config.ts`.
 *
 * @example
 * export default defineConfig({ prefix: 'blog:', store: memcachedStore({ servers: '127.0.0.1:11211' }) });
 *
 * @publicApi
 */
export function defineConfig(options: NginxCacheOptions): NginxCacheOptions {
  return options;
}
