import { isIPv4 } from 'node:net';
import type { CheckedDeployment } from './deployment.js';
import { block, quoted } from './syntax.js';
import type { SiteNames } from './variables.js';

/** How long nginx keeps the addresses of a name: those of containers change sooner than their name servers say. */
const VALID = '10s';

/** Node closes a connection that has been idle for 5 seconds: nginx must have let go of it before. */
const KEEP_ALIVE = '4s';

/** Of the connections that memcached takes, each worker of nginx keeps so many open when it has no use for them. */
const KEPT_OF_MEMCACHED = 1 / 8;

/** After a rush, connections to memcached that nobody uses are there for others again. */
const IDLE_OF_MEMCACHED = '10s';

/** The servers that nginx asks. */
export interface Upstreams {
  readonly http: string[];
  /** For `stream {}`, where nginx is too old to look for addresses itself. */
  readonly stream: string[];
}

/** The upstreams of the application and of memcached. */
export function upstreams(place: CheckedDeployment, memcached: readonly string[], names: SiteNames): Upstreams {
  const all = [upstream('app', place.app, place, names, ['keepalive 64;', `keepalive_timeout ${KEEP_ALIVE};`])];
  if (memcached.length > 0) {
    const kept = Math.max(1, Math.floor(place.memcachedConnections * KEPT_OF_MEMCACHED));
    const lines = [`keepalive ${kept};`, `keepalive_timeout ${IDLE_OF_MEMCACHED};`];
    all.push(upstream('memcached', memcached, place, names, lines));
  }
  return { http: all.flatMap(({ http }) => http), stream: all.flatMap(({ stream }) => stream) };
}

function upstream(
  of: string,
  servers: readonly string[],
  { resolvers, resolves, directory }: CheckedDeployment,
  names: SiteNames,
  keepalive: readonly string[],
): Upstreams {
  const isSought = (server: string) => resolvers.length > 0 && isName(server);
  const resolver = `resolver ${resolvers.join(' ')} valid=${VALID};`;
  const socket = (index: number) => `unix:${directory}/${names.of(`${of}_${index}`)}.sock`;
  const lines = servers.map((server, index) => {
    if (!isSought(server)) return `server ${server};`;
    return resolves ? `server ${server} resolve;` : `server ${socket(index)};`;
  });
  const zone = servers.some(isSought) && resolves ? [`zone ${names.of(of)} 64k;`, resolver] : [];
  return {
    http: block(`upstream ${names.of(of)}`, [...zone, ...lines, ...keepalive]),
    stream: servers.flatMap((server, index) =>
      isSought(server) && !resolves
        ? block('server', [
            `listen ${socket(index)};`,
            resolver,
            '# What stands in a variable is looked for when it is needed.',
            `set ${names.variable(of)} ${quoted(server)};`,
            `proxy_pass ${names.variable(of)};`,
          ])
        : [],
    ),
  };
}

/** `localhost` stands in /etc/hosts, of which name servers know nothing. */
function isName(server: string): boolean {
  const host = server.replace(/:\d+$/, '');
  return !server.startsWith('unix:') && !host.startsWith('[') && !isIPv4(host) && host !== 'localhost';
}
