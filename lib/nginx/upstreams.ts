import { isIPv4 } from 'node:net';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import { servernameOf } from '../stores/memcached/memcached-access.js';
import type { PageStoreDefinition } from '../stores/page-store.js';
import type { CheckedDeployment } from './deployment.js';
import { block, quoted } from './syntax.js';
import type { SiteNames } from './variables.js';

/** How long nginx keeps the addresses of a name: those of containers change sooner than their name servers say. */
const VALID = '10s';

/** Node closes a connection that has been idle for 5 seconds: nginx must let go of it earlier. */
const KEEP_ALIVE = '4s';

/** The share of memcached's connections that each worker of nginx keeps open when it has no use for them. */
const KEPT_OF_MEMCACHED = 1 / 8;

/** After this time, unused connections to memcached are closed, so that others can use them again after a rush. */
const IDLE_OF_MEMCACHED = '10s';

/** The variable that is hashed to find the server of a page: it holds the key of the page, whatever is asked for. */
export const PLACED_BY = 'placed_by';

/** A server that has failed this often is left alone for a moment: only so many visitors wait for it until their timeout. */
const FAILING = 'max_fails=3 fail_timeout=2s';

/** The servers that nginx asks. */
export interface Upstreams {
  readonly http: string[];
  /** For `stream {}`: when nginx is too old to look for addresses itself, or when memcached is reached over TLS. */
  readonly stream: string[];
}

/** A server of an upstream, and what nginx is told about it besides its address. */
interface UpstreamServer {
  readonly address: string;
  readonly parameters?: string;
}

/**
 * The upstreams of the application and of memcached.
 *
 * @throws {NginxCacheConfigError} when nginx would place pages differently from the application
 */
export function upstreams(
  place: CheckedDeployment,
  { servers: memcached = [], tls }: Pick<PageStoreDefinition, 'servers' | 'tls'>,
  names: SiteNames,
): Upstreams {
  const app = place.app.map((address) => ({ address }));
  const all = [upstream('app', app, place, names, ['keepalive 64;', `keepalive_timeout ${KEEP_ALIVE};`])];
  if (memcached.length > 0) {
    const isSpread = memcached.length > 1;
    if (isSpread) mustKeepNames(memcached, place);
    const servers = memcached.map(({ address, weight }) =>
      isSpread ? { address, parameters: ` weight=${weight} ${FAILING}` } : { address },
    );
    const kept = Math.max(1, Math.floor(place.memcachedConnections * KEPT_OF_MEMCACHED)) * memcached.length;
    const keepalive = [`keepalive ${kept};`, `keepalive_timeout ${IDLE_OF_MEMCACHED};`];
    const spread = isSpread ? [`hash ${names.variable(PLACED_BY)} consistent;`] : [];
    all.push(upstream('memcached', servers, place, names, [...spread, ...keepalive], tls));
  }
  return { http: all.flatMap(({ http }) => http), stream: all.flatMap(({ stream }) => stream) };
}

/** nginx hashes what follows `server`: that must be the name, and not a socket that leads to it. */
function mustKeepNames(
  servers: readonly { readonly address: string }[],
  { resolvers, resolves }: CheckedDeployment,
): void {
  const name = servers.map(({ address }) => address).find(isName);
  if (name === undefined || resolves || resolvers.length === 0) return;
  throw new NginxCacheConfigError(
    'deployment.resolver',
    resolvers,
    `left out, or with nginxVersion 1.27.3 or newer, where there are several memcached servers and one is a name (${name})`,
  );
}

/** @param how the lines that say how servers are chosen and connections are kept, in the order that nginx wants */
function upstream(
  of: string,
  servers: readonly UpstreamServer[],
  { resolvers, resolves, directory }: CheckedDeployment,
  names: SiteNames,
  how: readonly string[],
  tls?: PageStoreDefinition['tls'],
): Upstreams {
  const isSought = ({ address }: UpstreamServer) => resolvers.length > 0 && isName(address);
  const resolver = `resolver ${resolvers.join(' ')} valid=${VALID};`;
  const socket = (index: number) => `unix:${directory}/${names.of(`${of}_${index}`)}.sock`;
  const lines = servers.map((server, index) => {
    const { address, parameters = '' } = server;
    if (tls) return `server ${socket(index)};`;
    if (!isSought(server)) return `server ${address}${parameters};`;
    return resolves ? `server ${address}${parameters} resolve;` : `server ${socket(index)};`;
  });
  const zone = servers.some(isSought) && resolves && !tls ? [`zone ${names.of(of)} 64k;`, resolver] : [];
  return {
    http: block(`upstream ${names.of(of)}`, [...zone, ...lines, ...how]),
    stream: servers.flatMap((server, index) =>
      tls
        ? block('server', [
            `listen ${socket(index)};`,
            `proxy_pass ${server.address};`,
            ...tlsTo(server.address, tls, `${directory}/${trustedFile(names)}`),
          ])
        : isSought(server) && !resolves
          ? block('server', [
              `listen ${socket(index)};`,
              resolver,
              '# nginx resolves a name in a variable when it needs the address, not when it starts.',
              `set ${names.variable(of)} ${quoted(server.address)};`,
              `proxy_pass ${names.variable(of)};`,
            ])
          : [],
    ),
  };
}

/** The file with the certificates that memcached's own must come from, relative to the directory. */
export function trustedFile(names: SiteNames): string {
  return `${names.of('memcached_ca')}.pem`;
}

/** @see https://nginx.org/en/docs/stream/ngx_stream_proxy_module.html */
function tlsTo(address: string, tls: NonNullable<PageStoreDefinition['tls']>, trusted: string): string[] {
  return [
    'proxy_ssl on;',
    'proxy_ssl_verify on;',
    `proxy_ssl_trusted_certificate ${trusted};`,
    'proxy_ssl_server_name on;',
    `proxy_ssl_name ${servernameOf(address, tls)};`,
  ];
}

/** `localhost` is in /etc/hosts, which name servers know nothing of. */
function isName(server: string): boolean {
  const host = server.replace(/:\d+$/, '');
  return !server.startsWith('unix:') && !host.startsWith('[') && !isIPv4(host) && host !== 'localhost';
}
