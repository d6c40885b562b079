import { fromApplication } from '../../checks/from-application.js';
import { NginxCacheConfigError } from '../../checks/nginx-cache-config.error.js';
import { NO_COPIES } from '../unconditional-write.js';
import { memcachedServers, type MemcachedServerAddress } from './memcached-address.js';
import type { MemcachedClientDefinition } from './memcached-client.interface.js';
import { MemcachePpClient, type MemcachePp } from './memcache-pp-client.js';

/**
 * The options of memcache-pp. Only `hosts` is required.
 *
 * @example
 * memcachePp({ hosts: '127.0.0.1:11211' })
 *
 * @publicApi
 */
export interface MemcachePpOptions {
  /** One server: `'127.0.0.1:11211'`, `'unix:/run/memcached.sock'`, or memcache-pp's `'/run/memcached.sock:0'`. */
  readonly hosts: string | readonly string[];
  /** Larger pages are refused, in bytes. The default of memcache-pp is 1048576. */
  readonly maxValueSize?: number;
}

/**
 * Uses the npm package memcache-pp (0.3.3) as the client of `memcachedStore()`. It stores uncompressed UTF-8 pages and purges them one by
 * one. It cannot read (nginx reads; for the application every page is a miss), compress, list pages, or use keys of 250 bytes, keys with
 * bytes that are not UTF-8, or IPv6 addresses.
 *
 * @param options `{ hosts }`, a single address, or a memcache-pp client that you made; the client is closed with the application
 * @returns the client, for the option `client` of `memcachedStore()`
 * @throws {NginxCacheConfigError} when there is not exactly one server, or memcache-pp cannot connect to such an address
 * @example
 * memcachedStore({ client: memcachePp({ hosts: '127.0.0.1:11211' }) })
 * @see https://github.com/RomanBurunkov/memcache-pp
 *
 * @publicApi
 */
export function memcachePp(options: string | MemcachePpOptions | MemcachePp): MemcachedClientDefinition {
  const { hosts, ...others } = typeof options === 'string' ? { hosts: options } : options;
  const servers = memcachedServers([hosts].flat().map(addressOf), 'memcachePp.hosts');
  if (servers.length > 1) {
    throw new NginxCacheConfigError('memcachePp.hosts', hosts, 'one server: memcachedStore({ servers }) takes several');
  }
  return {
    servers,
    limits: ({ compress, mustList, isVersioned, keepsCopies, refreshesAhead }) => [
      ...(isClient(options) || fromApplication.has('memcache-pp')
        ? []
        : ['memcache-pp is not installed: npm install memcache-pp']),
      ...(compress ? ['memcache-pp cannot store compressed pages: set compress to false'] : []),
      ...(mustList ? ['memcache-pp cannot list keys'] : []),
      ...(refreshesAhead ? ['memcache-pp does not know which pages are read: leave refreshAhead out'] : []),
      ...(keepsCopies ? [`memcache-pp ${NO_COPIES}`] : []),
      ...(isVersioned ? ['memcache-pp cannot tell other processes of a version: leave version out'] : []),
    ],
    open: () => {
      if (isClient(options)) return new MemcachePpClient(servers[0]!.address, options);
      const Client = fromApplication.load('memcache-pp') as new (options: object) => MemcachePp;
      // Network errors come back with each operation; memcache-pp would also print them.
      const client = new Client({ ...others, hosts: servers.map(hostOf), onNetError: () => {} });
      return new MemcachePpClient(servers[0]!.address, client);
    },
  };
}

function isClient(options: string | MemcachePpOptions | MemcachePp): options is MemcachePp {
  return typeof options === 'object' && 'connections' in options;
}

/** memcache-pp takes port 0 for a unix socket, and 11211 for an address without a port (`splitHost`, lib/client.js). */
function addressOf(host: string): string {
  if (typeof host !== 'string') return host; // which memcachedServers() refuses
  if (host.startsWith('[')) {
    throw new NginxCacheConfigError(
      'memcachePp.hosts',
      host,
      'a name or an IPv4 address: memcache-pp does not support IPv6',
    );
  }
  if (host.startsWith('/') && host.endsWith(':0')) return `unix:${host.slice(0, -2)}`;
  return host.includes(':') ? host : `${host}:11211`;
}

function hostOf({ address }: MemcachedServerAddress): string {
  return address.startsWith('unix:') ? `${address.slice('unix:'.length)}:0` : address;
}
