import { isIPv6 } from 'node:net';

/**
 * One memcached server, as nginx writes it too.
 *
 * @publicApi
 */
export interface MemcachedServerAddress {
  /** `'127.0.0.1:11211'`, `'[::1]:11211'`, `'cache.local:11211'` or `'unix:/run/memcached.sock'`. */
  readonly address: string;
  /** The share of keys this server gets, relative to the others: nginx's `weight` (ngx_http_upstream_module). */
  readonly weight: number;
}

/**
 * How servers may be given to `memcachedStore()`.
 *
 * @publicApi
 */
export type MemcachedServers = string | readonly (string | { readonly address: string; readonly weight?: number })[];

const ALLOWED = "'host:port', '[IPv6 address]:port' or 'unix:/absolute/path'";

/** The longest path of a unix socket on Linux, in bytes (sun_path, unix(7)). */
const SOCKET_PATH_MAX_LENGTH = 107;

/** @throws TypeError that says what was given and what is allowed */
export function memcachedServers(given: MemcachedServers): MemcachedServerAddress[] {
  const list = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(list) || list.length === 0) {
    throw new TypeError(`memcached servers: expected an address or a list of addresses, got ${shown(given)}`);
  }
  if (list.length > 1) {
    throw new TypeError(
      `memcached servers: ${list.length} given, but clusters are not supported yet; name exactly one server`,
    );
  }
  return list.map((entry: unknown) => {
    const { address, weight = 1 } = typeof entry === 'string' ? { address: entry } : asObject(entry);
    if (!Number.isInteger(weight) || (weight as number) < 1) {
      throw new TypeError(
        `memcached server ${shown(address)}: weight must be a whole number from 1, got ${shown(weight)}`,
      );
    }
    connectOptions(address);
    return { address: address as string, weight: weight as number };
  });
}

/**
 * What `net.connect` takes for an address.
 *
 * Addresses are also written into the nginx configuration, so nothing that means something there is allowed.
 *
 * @throws TypeError when the address is none
 */
export function connectOptions(address: unknown): { path: string } | { host: string; port: number } {
  if (typeof address === 'string') {
    const path = /^unix:(\/[^\p{Cc}\s;{}"'\\#$]+)$/u.exec(address)?.[1];
    if (path && Buffer.byteLength(path) <= SOCKET_PATH_MAX_LENGTH) return { path };

    const [, v6, name, digits] = /^(?:\[([^\]]*)\]|(\w[\w.-]*)):(\d{1,5})$/.exec(address) ?? [];
    const host = v6 === undefined ? name : isIPv6(v6) ? v6 : undefined;
    const port = Number(digits);
    if (host && port >= 1 && port <= 65_535) return { host, port };
  }
  throw new TypeError(`memcached server: ${shown(address)} is not an address; allowed are ${ALLOWED}`);
}

function asObject(entry: unknown): { address?: unknown; weight?: unknown } {
  return typeof entry === 'object' && entry !== null ? entry : { address: entry };
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
