import { describe, expect, it } from 'vitest';
import {
  fileStore,
  keyvStore,
  memcachedStore,
  memcachePp,
  memoryStore,
  NginxCacheConfigError,
  NginxCacheModule,
  PageCache,
  PageFragment,
  PurgePages,
} from '../../lib/index.js';
import { PageCacheDashboardModule } from '../../lib/dashboard/index.js';

const memcached = memcachedStore as (options?: unknown) => unknown;
const files = fileStore as (options?: unknown) => unknown;
const memory = memoryStore as (options?: unknown) => unknown;
const page = PageCache as (options?: unknown) => unknown;
const purge = PurgePages as (...given: unknown[]) => unknown;

const dashboard = PageCacheDashboardModule.forRoot as (options?: unknown) => unknown;

const shared = memcachedStore({ servers: '127.0.0.1:11211' });
const tiers = (given: unknown) => NginxCacheModule.forRoot({ tiers: given as never });
const STORE = 'what memoryStore(), memcachedStore(), fileStore() or keyvStore() return';
const TIERS = 'a list of two stores: memoryStore(), and then the store that all processes share';

/** What is wrong, and what the user reads; "…" stands for "is not possible; it must be". */
const WRONG: [name: string, make: () => unknown, sentence: string][] = [
  [
    'memoryStore',
    () => memory({ maxByte: 1 }),
    'There is no option `memoryStore.maxByte`. Did you mean `maxBytes`? It must be one of maxBytes, ttl',
  ],
  ['memoryStore', () => memory({ maxBytes: '1 MB' }), "memoryStore.maxBytes: '1 MB' … a whole number of bytes from 1"],
  ['memoryStore', () => memory('64m'), "memoryStore: '64m' … an object: { maxBytes, ttl }"],
  ['memoryStore', () => memory({ ttl: 0 }), 'memoryStore.ttl: 0 … a whole number of milliseconds from 1'],
  ['fileStore', () => files(), 'fileStore: undefined … an object: { root, maxBytes, brotli, grace }'],
  ['fileStore', () => files({ directory: '/var/cache/blog' }), 'fileStore.root: undefined … given'],
  [
    'fileStore',
    () => files({ root: '/x', maxSize: 1 }),
    'There is no option `fileStore.maxSize`. It must be one of root, maxBytes, brotli, grace',
  ],
  ['fileStore', () => files({ root: '/x', brotli: 'yes' }), "fileStore.brotli: 'yes' … true or false"],
  [
    'fileStore',
    () => files({ root: '/x', grace: 0.5 }),
    'fileStore.grace: 0.5 … a whole number of milliseconds from 2000',
  ],
  [
    'memcachedStore',
    () => memcached(),
    'memcachedStore: undefined … an object: { servers, refreshInterval, tls, credentials, client }',
  ],
  ['memcachedStore', () => memcached({}), 'memcachedStore: {} … either { servers } or { client }'],
  [
    'memcachedStore',
    () => memcached({ server: 'a:1' }),
    'There is no option `memcachedStore.server`. Did you mean `servers`? It must be one of servers, refreshInterval, tls, credentials, client',
  ],
  [
    'memcachedStore',
    () => memcached({ client: {} }),
    'memcachedStore.client: {} … what memcachePp() returns, or another client',
  ],
  [
    'memcachedStore',
    () => memcached({ servers: ['a:1', 'a:1'] }),
    "memcachedStore.servers: 'a:1' … listed once: give it more weight instead",
  ],
  [
    'memcachedStore',
    () => memcached({ servers: [{ address: 'a:1', weigth: 2 }] }),
    'There is no option `memcachedStore.servers.weigth`. Did you mean `weight`? It must be one of address, weight',
  ],
  [
    'memcachedStore',
    () => memcached({ servers: 'localhost' }),
    "memcachedStore.servers: 'localhost' … an address: 'host:port', '[IPv6 address]:port' or 'unix:/absolute/path'",
  ],
  [
    'memcachedStore',
    () => memcached({ servers: 'a:1', tls: { cert: '/x.pem' } }),
    'There is no option `memcachedStore.tls.cert`. It must be one of ca, servername',
  ],
  [
    'memcachedStore',
    () => memcached({ servers: 'a:1', credentials: { username: 'a', password: 'b', user: 'a' } }),
    'There is no option `memcachedStore.credentials.user`. It must be one of username, password',
  ],
  [
    'memcachePp',
    () => memcachePp('[::1]:11211'),
    "memcachePp.hosts: '[::1]:11211' … a name or an IPv4 address: memcache-pp does not support IPv6",
  ],
  [
    'keyvStore',
    () => keyvStore({} as never),
    'keyvStore: {} … a Keyv, or a Keyv adapter (with get, set, delete and clear)',
  ],
  [
    'keyvStore',
    () => keyvStore({ store: new Map(), ttl: 1 } as never),
    'keyvStore: { store: Map(0) {}, ttl: 1 } … a Keyv, or a Keyv adapter',
  ],
  [
    'keyvStore',
    () => keyvStore({ get: () => undefined, set: () => undefined, delete: () => true } as never),
    'keyvStore: { get: [Function: get], set: [Function: set], delete: [Function: delete] } … a Keyv, or a Keyv adapter',
  ],
  [
    '@PageCache',
    () => page({ tll: 1 }),
    'There is no option `@PageCache.tll`. Did you mean `ttl`? It must be one of ttl, tags, public, query, skipIf',
  ],
  ['@PageCache', () => page(60_000), '@PageCache: 60000 … an object: { ttl, tags, public, query, skipIf }'],
  ['@PageCache', () => page({ ttl: '5m' }), '@PageCache.ttl: \'5m\' … a number of milliseconds, 0 for "until purged"'],
  ['@PageCache', () => page({ tags: 'a' }), "@PageCache.tags: 'a' … a list of tags, or a function that gives one"],
  ['@PageCache', () => page({ tags: ['a', 1] }), '@PageCache.tags.1: 1 … a tag, which is a text'],
  ['@PageCache', () => page({ query: [/a/] }), '@PageCache.query.0: /a/ … the name of a query parameter'],
  [
    '@PageFragment',
    () => PageFragment({ name: 'a', shared: true, tag: 'b' } as never),
    'There is no option `@PageFragment.tag`. Did you mean `tags`? It must be one of ttl, tags, name, shared',
  ],
  [
    '@PurgePages',
    () => purge({ refersh: true }, '/'),
    'There is no option `@PurgePages.refersh`. Did you mean `refresh`? It must be one of refresh, tags',
  ],
  ['@PurgePages', () => purge({ tags: 'a' }), "@PurgePages.tags: 'a' … a list of tags"],
  [
    '@PurgePages',
    () => purge('/', 42),
    '@PurgePages: 42 … a path like "/posts/1", a URL, an object with dependentPaths(), a list of these, or a function that gives them',
  ],
  [
    'the module',
    () => NginxCacheModule.forRoot({ version: '' }),
    "version: '' … a text that is not empty, e.g. the id of a build, or left out",
  ],
  [
    'the module',
    () => NginxCacheModule.forRoot({ version: 'v1', store: keyvStore(new Map()) }),
    "store: 'keyv' … able to do what the options ask for: keyvStore: processes do not know of each other; leave version out, and give each version a prefix of its own",
  ],
  [
    'the module',
    () =>
      NginxCacheModule.forRoot({
        version: 'v1',
        compress: false,
        store: memcachedStore({ client: memcachePp('127.0.0.1:11211') }),
      }),
    "store: 'memcached' … able to do what the options ask for: memcache-pp cannot tell other processes of a version: leave version out",
  ],
  [
    'the module',
    () => NginxCacheModule.forRoot({ store: memoryStore({ ttl: 1000 }) }),
    'memoryStore.ttl: 1000 … left out, except in the first of tiers: pages have a ttl of their own',
  ],
  [
    'the dashboard',
    () => dashboard({ token: '' }),
    "PageCacheDashboardModule.token: '(not shown)' … a secret of 16 to 200 letters, digits and .~+/=_-",
  ],
  [
    'the dashboard',
    () => dashboard({ token: 'x'.repeat(16), path: 'cache/' }),
    "PageCacheDashboardModule.path: 'cache/' … a path like /page-cache, without a slash at its end",
  ],
  [
    'the dashboard',
    () => dashboard({ token: 'x'.repeat(16), site: 'example.com' }),
    "PageCacheDashboardModule.site: 'example.com' … the origin of a site, like http://127.0.0.1:8080",
  ],
  ['the module', () => tiers('memory'), "tiers: 'memory' … a list of two stores"],
  ['the module', () => tiers([{}, shared]), `tiers.0.kind: undefined … ${STORE}`],
  ['the module', () => tiers([]), `tiers: [] … ${TIERS}`],
  ['the module', () => tiers([memoryStore()]), `tiers: [ 'memoryStore()' ] … ${TIERS}`],
  ['the module', () => tiers([shared, memoryStore()]), `tiers: [ 'memcachedStore()', 'memoryStore()' ] … ${TIERS}`],
  ['the module', () => tiers([memoryStore(), memoryStore()]), `tiers: [ 'memoryStore()', 'memoryStore()' ] … ${TIERS}`],
  [
    'the module',
    () => tiers([memoryStore(), memoryStore(), shared]),
    `tiers: [ 'memoryStore()', 'memoryStore()', 'memcachedStore()' ] … ${TIERS}`,
  ],
  [
    'the module',
    () => NginxCacheModule.forRoot({ store: shared, tiers: [memoryStore(), shared] }),
    "store: 'memcached' … left out where tiers are given",
  ],
];

describe('a wrong option is refused in one sentence', () => {
  it.each(WRONG)('of %s', (_, make, sentence) => {
    expect(make).toThrow(NginxCacheConfigError);
    expect(make).toThrow(sentence.replace(' … ', ' is not possible; it must be '));
  });
});

it('nothing is wrong with what is right', () => {
  for (const make of [
    () => memory(),
    () => memory({ maxBytes: undefined }),
    () => files({ root: '/var/cache/blog', brotli: true, maxBytes: 1, grace: 2000 }),
    () => memcached({ servers: [{ address: '127.0.0.1:11211', weight: 2 }] }),
    () => memcached({ client: memcachePp('127.0.0.1:11211') }),
    () => keyvStore(new Map()),
    () => page(),
    () => page({ ttl: 0, tags: () => [], query: [], skipIf: () => false, public: false }),
    () => purge('/', ['/a', { dependentPaths: () => [] }], () => null, new URL('https://example.com/')),
    () => purge({ refresh: true, tags: ['a'] }, '/'),
    () => NginxCacheModule.forRoot({ version: undefined }),
    () => tiers([memoryStore({ maxBytes: 1, ttl: 1 }), shared]),
    () => tiers([memoryStore(), keyvStore(new Map())]),
    () =>
      NginxCacheModule.forRoot({ version: '2026-11-28 (b)', store: memcachedStore({ servers: '127.0.0.1:11211' }) }),
  ]) {
    expect(make).not.toThrow();
  }
});
