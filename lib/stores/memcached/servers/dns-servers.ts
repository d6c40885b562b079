import dns from 'node:dns/promises';
import { NginxCacheConfigError } from '../../../checks/nginx-cache-config.error.js';
import type { MemcachedServerSource } from '../memcached-address.js';

const NAME = /^(\w[\w.-]*?)\.?(?::(\d{1,5}))?$/;

/**
 * Finds the servers behind a name, for `memcachedStore()`: one for each address of the name, such as a headless service of Kubernetes.
 *
 * @param name with a port: all addresses of the name (A and AAAA, as the system finds them); without a port: the targets of its SRV records
 * @returns a function for the option `servers`; it rejects if the name has no address
 * @throws {NginxCacheConfigError} when the name is invalid
 * @example
 * memcachedStore({ servers: dnsServers('memcached.default.svc.cluster.local:11211') })
 * memcachedStore({ servers: dnsServers('_memcached._tcp.example.com') })
 * @see https://nodejs.org/api/dns.html
 *
 * @publicApi
 */
export function dnsServers(name: string): MemcachedServerSource {
  const [, host, port] = NAME.exec(name) ?? [];
  if (!host) throw new NginxCacheConfigError('dnsServers()', name, "'host:port', or a name with SRV records");
  return async () => {
    const found = port === undefined ? await services(host) : await addresses(host, port);
    // Name servers change the order with each answer.
    return [...new Set(found)].toSorted();
  };
}

async function addresses(host: string, port: string): Promise<string[]> {
  const found = await dns.lookup(host, { all: true });
  return found.map(({ address, family }) => (family === 6 ? `[${address}]:${port}` : `${address}:${port}`));
}

async function services(host: string): Promise<string[]> {
  const found = await dns.resolveSrv(host);
  return found.map(({ name, port }) => `${name}:${port}`);
}
