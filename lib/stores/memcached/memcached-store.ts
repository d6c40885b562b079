import * as v from 'valibot';
import { checked, strict, wholeNumber } from '../../checks/checked.js';
import { NginxCacheConfigError } from '../../checks/nginx-cache-config.error.js';
import type { PageStoreDefinition, StoreContext } from '../page-store.js';
import {
  memcachedServers,
  type MemcachedServerAddress,
  type MemcachedServers,
  type MemcachedServerSource,
} from './memcached-address.js';
import {
  credentialsSchema,
  type MemcachedAccess,
  type MemcachedCredentials,
  type MemcachedTls,
  tlsSchema,
} from './memcached-access.js';
import { MemcachedClient } from './memcached-client.js';
import type { MemcachedClientDefinition } from './memcached-client.interface.js';
import { openMemcachedStore } from './open-memcached-store.js';
import { openRing } from './ring/ring-store.js';

/**
 * The result of `memcachedStore()`; `nginxConf()` writes the configuration from its `servers`.
 *
 * @publicApi
 */
export interface MemcachedStoreDefinition extends PageStoreDefinition {
  /** The kind of store. */
  readonly kind: 'memcached';
  /** The servers that nginx reads. */
  readonly servers: readonly MemcachedServerAddress[];
}

/** How the servers are reached. */
interface MemcachedAccessOptions {
  readonly tls?: MemcachedTls;
  readonly credentials?: MemcachedCredentials;
}

const SECRETS = new Set(['memcachedStore.credentials.password', 'memcachedStore.credentials']);

const CLIENT = 'what memcachePp() returns, or another client';

const optionsSchema = v.pipe(
  strict({
    servers: v.optional(v.unknown()),
    refreshInterval: v.optional(wholeNumber('milliseconds', 1000)),
    tls: v.optional(tlsSchema),
    credentials: v.optional(credentialsSchema),
    client: v.optional(
      v.custom<MemcachedClientDefinition>(
        (client) => typeof (client as MemcachedClientDefinition | null)?.open === 'function',
        CLIENT,
      ),
    ),
  }),
  v.check(
    ({ servers, client }) => (servers === undefined) !== (client === undefined),
    'either { servers } or { client }',
  ),
  v.check(
    ({ client, tls, credentials }) => client === undefined || (tls === undefined && credentials === undefined),
    '{ client } without tls and credentials, which are for the built-in client',
  ),
);

/**
 * Stores pages in memcached, where nginx reads them. Several servers share the pages, by the ring of nginx's `hash … consistent`.
 *
 * @param options `servers`: `'127.0.0.1:11211'`, `'[::1]:11211'`, `'unix:/run/memcached.sock'`, or a list of these and of `{ address,
 *   weight }`, in which the weight (default 1) is the share of pages. Or a function that returns such a list, such as `dnsServers()`: it is
 *   called at the start, and again every `refreshInterval` milliseconds (default 30,000). `client`: another client than the built-in one,
 *   such as `memcachePp()`. `tls`: for servers started with `-Z`: `{ ca, servername }`, or `{}`. `credentials`: for servers started with
 *   `-Y`: `{ username, password }`; nginx cannot read from those
 * @returns the store, for the option `store`
 * @throws {NginxCacheConfigError} when an option is wrong, or an address is invalid or appears twice
 * @example
 * memcachedStore({ servers: 'unix:/run/memcached.sock' })
 * memcachedStore({ servers: ['10.0.0.1:11211', { address: '10.0.0.2:11211', weight: 2 }] })
 * memcachedStore({ servers: dnsServers('memcached.default.svc.cluster.local:11211') })
 * @see https://nginx.org/en/docs/http/ngx_http_memcached_module.html
 *
 * @publicApi
 */
export function memcachedStore(
  options:
    | ({ readonly servers: MemcachedServers } & MemcachedAccessOptions)
    | ({ readonly servers: MemcachedServerSource; readonly refreshInterval?: number } & MemcachedAccessOptions)
    | { readonly client: MemcachedClientDefinition },
): MemcachedStoreDefinition {
  const given = checked(optionsSchema, options, { of: 'memcachedStore', secrets: SECRETS });
  const { client } = given;
  if (client) {
    const { servers } = client;
    const limits = (wanted: StoreContext) => client.limits?.(wanted) ?? [];
    return {
      kind: 'memcached',
      servers,
      limits,
      open: (context) => openMemcachedStore(servers[0], client.open(), {}, context),
    };
  }
  const { refreshInterval, tls, credentials } = given;
  const access = { tls, credentials };
  if (typeof given.servers === 'function')
    return changingStore(given.servers as MemcachedServerSource, access, refreshInterval);
  if (refreshInterval !== undefined) {
    throw new NginxCacheConfigError(
      'memcachedStore.refreshInterval',
      refreshInterval,
      'left out, because servers is not a function',
    );
  }
  return spreadOver(memcachedServers(given.servers as MemcachedServers, 'memcachedStore.servers'), access);
}

/** The list is read when the application starts: until then, nothing can be opened. */
function changingStore(
  source: MemcachedServerSource,
  access: MemcachedAccess,
  interval = 30_000,
): MemcachedStoreDefinition {
  const read = async () => spreadOver(memcachedServers(await source(), 'memcachedStore.servers()'), access, true);
  const open = (): never => {
    throw new NginxCacheConfigError('memcachedStore.servers', source, 'a list');
  };
  return { kind: 'memcached', servers: [], changing: { interval, read }, open };
}

/** @param isSpread whether the servers are a ring; a single server is one if others may be added */
function spreadOver(
  servers: readonly MemcachedServerAddress[],
  access: MemcachedAccess,
  isSpread = servers.length > 1,
): MemcachedStoreDefinition {
  const openServer = (address: string, context: StoreContext) =>
    openMemcachedStore(
      memcachedServers(address, 'memcachedStore.servers')[0],
      new MemcachedClient(address, access),
      access,
      context,
    );
  const stores = (context: StoreContext) => servers.map(({ address }) => openServer(address, context));
  return {
    kind: 'memcached',
    servers,
    open: (context) => stores(context)[0]!,
    openServer,
    ...(access.tls && { tls: access.tls }),
    ...(access.credentials && { isAuthenticated: true }),
    ...(isSpread && { openSpread: (context: StoreContext) => openRing(servers, stores(context), context.prefix) }),
  };
}
