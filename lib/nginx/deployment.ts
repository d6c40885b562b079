import { isIPv4, isIPv6 } from 'node:net';
import * as v from 'valibot';
import type { HeaderField } from '../http/fields.js';
import { CONFIGURATION_HEADER, PAGE_KEY_HEADER } from '../page/page-key-header.js';
import { checked, ONE_OF } from '../checks/checked.js';
import { isNetwork } from './network.js';

/**
 * Where nginx runs, and where it finds the application.
 *
 * @example
 * export const deployment: NginxDeployment = { app: '127.0.0.1:3000', listen: 8080, directory: '/var/lib/nginx-cache' };
 *
 * @publicApi
 */
export interface NginxDeployment {
  /** The address of the application: `127.0.0.1:3000`, `unix:/run/app.sock`, or a list of addresses. */
  app: string | readonly string[];
  /** Port, or address and port, of nginx. Default 8080. */
  listen?: number | string;
  /** `server_name`. Default: the `hosts` of the options, or every name. */
  serverName?: readonly string[];
  /** The `location`s with pages: `/blog/`, `= /`, `^~ /shop/`, one or a list. Default `/`. */
  location?: string | readonly string[];
  /**
   * Request fields for the application (`proxy_set_header`), in addition to the generated ones or instead of them. Values may contain nginx
   * variables.
   *
   * @example
   * proxySetHeader: { 'X-Request-Id': '$request_id', 'X-Real-IP': '$http_cf_connecting_ip' }
   */
  proxySetHeader?: Readonly<Record<string, string>>;
  /**
   * Addresses or networks of load balancers in front of nginx, such as `10.0.0.0/8`. nginx passes on their `X-Forwarded-Proto`. For
   * everybody else, it sends the scheme of its own connection. This needs `ngx_http_realip_module`, which the usual packages of nginx
   * contain.
   */
  trustedProxies?: readonly string[];
  /**
   * Name servers (`127.0.0.11` in Docker). nginx asks them for the addresses of `app` and of memcached every 10 seconds. Default: nginx
   * resolves names once, when it starts, and does not start if a name has no address.
   *
   * @see https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolver
   */
  resolver?: string | readonly string[];
  /**
   * The version of nginx, for `resolver`. 1.27.3 and newer resolve upstreams themselves (`server … resolve`); for older versions, `stream
   * {}` does it. Default `1.22`.
   */
  nginxVersion?: string;
  /**
   * How many connections each memcached accepts (`memcached -c`). Each worker of nginx keeps an eighth of them open. Let memcached accept
   * more connections than you have visitors at once, and set the same number here. nginx passes visitors beyond that number to the
   * application. Default 1024, as in memcached.
   *
   * @see https://docs.memcached.org/serverguide/configuring/#connection-limit
   */
  memcachedConnections?: number | undefined;
  /** For `full`: `files` writes logs into the directory; `streams` writes errors to stderr and requests to stdout. Default `files`. */
  logs?: 'files' | 'streams';
  /** For `full`: the directory for pid, logs and temporary files. Default `/var/lib/nginx-cache`. */
  directory?: string;
  /**
   * For `full`: the directory of the modules that `srcache` and `njs` need, if nginx must load them. On Debian and Ubuntu:
   * `/usr/lib/nginx/modules`. Default: the modules are built in, as in OpenResty.
   */
  modulesDirectory?: string;
}

const APP = '"host:port" or "unix:/path", one or a list of them';
const LISTEN = 'a port, "address:port" or "unix:/path"';
const NAMES = 'a list: [ … ]';
const NAME = 'a name like "example.com", "*.example.com" or "example.*"';
const LOCATION = 'a path like "/blog/", maybe behind "= " or "^~ ", one or a list of them';
const LOCATIONS = 'a list with each path once: to nginx, "/blog/" and "^~ /blog/" are the same';
const FIELD = 'the name of a request field that nginx does not set for the cache itself, e.g. "X-Request-Id"';
const FIELD_TEXT = 'the value of a request field; nginx puts the value of a variable in the place of "$name"';
const FIELDS = 'an object of request fields: { name: value }';
const PROXY = 'an address, or a network like "10.0.0.0/8", whose other bits are 0';
const PROXIES = 'a list: [ … ]';
const RESOLVER = 'the address of a name server, like "127.0.0.11" or "127.0.0.1:5353", one or a list of them';
const VERSION = 'a version of nginx like "1.22" or "1.27.3"';
const CONNECTIONS = 'a whole number from 1 to 1000000';
const LOGS = '"files" or "streams"';
const DIRECTORY = 'an absolute path, of the characters A-Z a-z 0-9 . _ @ + - /';

const SOCKET = /^unix:\/[\w./@+-]+$/;
const isPort = (text: string) => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
const isHost = (text: string) => (/^\[.*\]$/.test(text) ? isIPv6(text.slice(1, -1)) : /^\w[\w.-]*$/.test(text));
const isNameServer = (text: string) => (isIPv4(text) || /^\[.*\]$/.test(text) ? isHost(text) : isAddress(text));
/** Accepts nothing that nginx would refuse, or would read as more than an address. */
function isAddress(text: string): boolean {
  const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(text) ?? [];
  return SOCKET.test(text) || (isHost(host) && host !== 'unix' && isPort(port));
}
const isListen = (text: string) =>
  isAddress(text) || isPort(text) || (text.startsWith('*:') && isPort(text.slice(2))) || isIPv4(text);

const app = v.pipe(v.string(APP), v.check(isAddress, APP));
const location = v.pipe(v.string(LOCATION), v.regex(/^(?:(?:=|\^~) )?\/[\w./~@+-]*$/, LOCATION));
/** The same location twice makes no difference. */
const areDistinct = (given: string | string[]) => {
  const locations = [...new Set(list(given))];
  return new Set(locations.map((one) => one.replace('^~ ', ''))).size === locations.length;
};
const nameServer = v.pipe(
  v.string(RESOLVER),
  v.check((text) => !text.startsWith('unix:') && isNameServer(text), RESOLVER),
);
const oneOrMany = <T extends v.GenericSchema>(item: T, allowed: string) =>
  v.union([item, v.pipe(v.array(item), v.minLength(1, allowed))], allowed);
const path = v.pipe(v.string(DIRECTORY), v.regex(/^\/[\w./@+-]*$/, DIRECTORY));
/** Fields that the cache depends on. */
const OWN_FIELDS = new Set([
  'host',
  'cookie',
  'connection',
  'upgrade',
  'content-length',
  'transfer-encoding',
  'accept-encoding',
  PAGE_KEY_HEADER.toLowerCase(),
  CONFIGURATION_HEADER.toLowerCase(),
]);
const NAMES_OF_ALL =
  'app, listen, serverName, location, proxySetHeader, trustedProxies, resolver, nginxVersion, memcachedConnections, logs, directory, modulesDirectory';
const deploymentSchema = v.strictObject(
  {
    app: oneOrMany(app, APP),
    listen: v.optional(
      v.union(
        [
          v.pipe(v.number(), v.integer(LISTEN), v.minValue(1, LISTEN), v.maxValue(65_535, LISTEN)),
          v.pipe(v.string(), v.check(isListen, LISTEN)),
        ],
        LISTEN,
      ),
    ),
    serverName: v.optional(
      v.array(
        v.pipe(v.string(NAME), v.regex(/^(?:\*?\.)?(?:[\w-]+\.)*[\w-]+$|^(?:[\w-]+\.)+\*$|^\[[0-9a-f:]+\]$/, NAME)),
        NAMES,
      ),
    ),
    location: v.optional(v.pipe(oneOrMany(location, LOCATION), v.check(areDistinct, LOCATIONS))),
    proxySetHeader: v.optional(
      v.record(
        v.pipe(
          v.string(FIELD),
          v.regex(/^[A-Za-z][\w-]*$/, FIELD),
          v.check((name) => !OWN_FIELDS.has(name.toLowerCase()), FIELD),
        ),
        v.pipe(v.string(FIELD_TEXT), v.regex(/^(?! )(?:[ -#%-~]|\$\w+|\$\{\w+\}){1,3000}(?<! )$/, FIELD_TEXT)),
        FIELDS,
      ),
    ),
    trustedProxies: v.optional(v.array(v.pipe(v.string(PROXY), v.check(isNetwork, PROXY)), PROXIES)),
    resolver: v.optional(oneOrMany(nameServer, RESOLVER)),
    nginxVersion: v.optional(v.pipe(v.string(VERSION), v.regex(/^\d{1,3}(?:\.\d{1,3}){1,2}$/, VERSION))),
    memcachedConnections: v.optional(
      v.pipe(
        v.number(CONNECTIONS),
        v.integer(CONNECTIONS),
        v.minValue(1, CONNECTIONS),
        v.maxValue(1_000_000, CONNECTIONS),
      ),
    ),
    logs: v.optional(v.picklist(['files', 'streams'], LOGS)),
    directory: v.optional(path),
    modulesDirectory: v.optional(path),
  },
  ({ expected }) => {
    if (expected === '"app"') return APP;
    return expected === 'never' ? `${ONE_OF}${NAMES_OF_ALL}` : `an object: { ${NAMES_OF_ALL} }`;
  },
);

export interface CheckedDeployment {
  readonly app: readonly string[];
  readonly listen: number | string;
  readonly serverName: readonly string[];
  readonly locations: readonly string[];
  readonly proxySetHeader: readonly HeaderField[];
  readonly trustedProxies: readonly string[];
  readonly resolvers: readonly string[];
  /** Whether nginx can look for the addresses of an upstream while it runs. */
  readonly resolves: boolean;
  readonly memcachedConnections: number;
  readonly logs: 'files' | 'streams';
  readonly directory: string;
  readonly modulesDirectory: string | undefined;
}

export function checkDeployment(deployment: NginxDeployment, hosts: readonly string[] | undefined): CheckedDeployment {
  checked(deploymentSchema, deployment, { of: 'deployment' });
  const { app, listen = 8080, serverName = hosts ?? [], directory = '/var/lib/nginx-cache' } = deployment;
  return {
    app: list(app),
    listen,
    serverName,
    locations: [...new Set(list(deployment.location ?? '/'))],
    proxySetHeader: Object.entries(deployment.proxySetHeader ?? {}),
    trustedProxies: [...new Set(deployment.trustedProxies)],
    resolvers: list(deployment.resolver ?? []),
    resolves: isAtLeast(deployment.nginxVersion ?? '1.22', '1.27.3'),
    memcachedConnections: deployment.memcachedConnections ?? 1024,
    logs: deployment.logs ?? 'files',
    directory: directory.replace(/(?<=.)\/$/, ''),
    modulesDirectory: deployment.modulesDirectory?.replace(/(?<=.)\/$/, ''),
  };
}

function list(given: string | readonly string[]): readonly string[] {
  return typeof given === 'string' ? [given] : given;
}

function isAtLeast(version: string, wanted: string): boolean {
  return version.localeCompare(wanted, 'en', { numeric: true }) >= 0;
}
