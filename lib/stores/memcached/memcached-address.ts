import { isIPv6 } from 'node:net';
import * as v from 'valibot';
import { checked, strict, wholeNumber } from '../../checks/checked.js';
import { NginxCacheConfigError } from '../../checks/nginx-cache-config.error.js';

/**
 * The address of a memcached server, in the form that nginx uses.
 *
 * @publicApi
 */
export interface MemcachedServerAddress {
  /** `'127.0.0.1:11211'`, `'[::1]:11211'`, `'cache.local:11211'` or `'unix:/run/memcached.sock'`. */
  readonly address: string;
  /** The share of pages that this server gets, relative to the others: nginx's `weight` (ngx_http_upstream_module). */
  readonly weight: number;
}

/**
 * How servers may be given to `memcachedStore()`.
 *
 * @publicApi
 */
export type MemcachedServers = string | readonly (string | { readonly address: string; readonly weight?: number })[];

/**
 * A function that returns a list of servers. It is called repeatedly while the application runs. If it rejects, or returns an invalid list,
 * the last list stays in use.
 *
 * @publicApi
 */
export type MemcachedServerSource = () => MemcachedServers | Promise<MemcachedServers>;

type ConnectOptions = { path: string } | { host: string; port: number };

const ALLOWED = "an address: 'host:port', '[IPv6 address]:port' or 'unix:/absolute/path'";

/** The highest total weight of a list: nginx and every process keep 160 points for each unit. */
const WEIGHTS = 1000;

/** The longest path of a unix socket on Linux, in bytes (sun_path, unix(7)). */
const SOCKET_PATH_MAX_LENGTH = 107;

const addressSchema = v.pipe(
  v.string(ALLOWED),
  v.check((address) => parse(address) !== undefined, ALLOWED),
);
const serverSchema = strict({ address: addressSchema, weight: v.optional(wholeNumber('shares', 1)) });

/**
 * @param option the option in which the servers were given
 * @throws {NginxCacheConfigError} when an address is invalid or listed twice, when there is no server at all, or when the weights are too high
 */
export function memcachedServers(given: MemcachedServers, option: string): MemcachedServerAddress[] {
  const list: readonly unknown[] = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(list) || list.length === 0) {
    throw new NginxCacheConfigError(option, given, 'an address, or a list of addresses and of { address, weight }');
  }
  const servers = list.map((entry: unknown) => {
    const isObject = typeof entry === 'object' && entry !== null;
    if (!isObject) return { address: checked(addressSchema, entry, { of: option }), weight: 1 };
    const { address, weight = 1 } = checked(serverSchema, entry, { of: option });
    return { address, weight };
  });
  const twice = servers.find(({ address }, index) => servers.findIndex((one) => one.address === address) < index);
  if (twice) throw new NginxCacheConfigError(option, twice.address, 'listed once: give it more weight instead');
  const weights = servers.reduce((sum, { weight }) => sum + weight, 0);
  if (weights <= WEIGHTS) return servers;
  throw new NginxCacheConfigError(option, `weights of ${weights}`, `a list with a total weight of ${WEIGHTS} at most`);
}

/**
 * The options of `net.connect` for an address.
 *
 * @throws {NginxCacheConfigError} when the address is invalid
 */
export function connectOptions(address: string): ConnectOptions {
  const options = parse(address);
  if (!options) throw new NginxCacheConfigError('memcachedStore.servers', address, ALLOWED);
  return options;
}

/** Addresses are also written into the nginx configuration, so characters that have a meaning there are not allowed. */
function parse(address: string): ConnectOptions | undefined {
  const path = /^unix:(\/[^\p{Cc}\s;{}"'\\#$]+)$/u.exec(address)?.[1];
  if (path && Buffer.byteLength(path) <= SOCKET_PATH_MAX_LENGTH) return { path };

  const [, v6, name, digits] = /^(?:\[([^\]]*)\]|(\w[\w.-]*)):(\d{1,5})$/.exec(address) ?? [];
  const host = v6 === undefined ? name : isIPv6(v6) ? v6 : undefined;
  const port = Number(digits);
  return host && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
