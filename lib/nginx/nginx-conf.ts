import { checkOptions, type CheckedOptions } from '../options/check-options.js';
import { NginxCacheConfigError } from '../options/nginx-cache-config.error.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { allRules } from '../rules/request-rules.js';
import { appLocations } from './app-locations.js';
import { checkDeployment, type CheckedDeployment, type NginxDeployment } from './deployment.js';
import { keyMaps } from './key-maps.js';
import { memcachedLocation } from './memcached-flavour.js';
import { ruleMaps } from './rule-map.js';
import { block, map } from './syntax.js';
import { SiteNames } from './variables.js';

/**
 * The configuration of nginx, in pieces for a site that has one and whole for one that has not.
 *
 * @publicApi
 */
export interface NginxConf {
  /** Goes inside `http {}`. */
  http: string;
  /** Goes inside `server {}`. */
  server: string;
  /** A complete `nginx.conf`. */
  full: string;
  /** Helper files by their path relative to `directory`. */
  files: Record<string, string>;
}

/**
 * Writes the nginx configuration for the options that the module is given.
 *
 * @param options the same object as for `NginxCacheModule.forRoot()`
 * @param deployment where nginx runs and what it stands in front of
 * @throws {NginxCacheConfigError} when an option is wrong, or when nginx cannot read the store
 * @example
 * const { full } = nginxConf(options, { app: '127.0.0.1:3000', listen: 8080, directory: '/var/lib/nginx-cache' });
 * writeFileSync('nginx.conf', full); // nginx -c "$PWD/nginx.conf" -g 'daemon off;'
 * @see https://nginx.org/en/docs/http/ngx_http_memcached_module.html
 *
 * @publicApi
 */
export function nginxConf(options: NginxCacheOptions, deployment: NginxDeployment): NginxConf {
  const checked = checkOptions(options);
  const place = checkDeployment(deployment, checked.hosts);
  const servers = checked.store.servers;
  if (!checked.flavour || !servers) {
    throw new NginxCacheConfigError(
      'store',
      `${checked.store.kind}Store()`,
      'a store that nginx can read: memcachedStore()',
    );
  }
  const names = new SiteNames(checked.prefix);
  const http = httpBlock(
    checked,
    place,
    servers.map(({ address }) => address),
    names,
  );
  const server = serverBlock(checked, names);
  return { http: text(http), server: text(server), full: text(full(http, server, place)), files: {} };
}

function httpBlock(options: CheckedOptions, { app }: CheckedDeployment, servers: string[], names: SiteNames): string[] {
  return [
    ...upstream(names.of('app'), app),
    ...upstream(names.of('memcached'), servers),
    '',
    '# The key of a page. Made by nestjs-nginx-cache from the options of the application: change them, not this.',
    ...keyMaps(options, names),
    '',
    '# Why a request bypasses the cache: a word from each rule, or nothing.',
    ...allRules(options.rules).flatMap((rule) => ruleMaps(rule, names).lines),
    '',
    ...map('$request_method', names.variable('fallback'), [
      ['default', `@${names.of('miss')}`],
      ['HEAD', `@${names.of('bypass')}`],
    ]),
    ...map('$http_upgrade', names.variable('connection'), [
      ['default', 'upgrade'],
      ['', ''],
    ]),
    '# The Host field with its port, unless it contradicts the request line.',
    ...map('"$host|$http_host"', names.variable('host'), [
      ['default', '$host'],
      ['~*^([^|]+)\\|\\1\\.?(?::[0-9]+)?$', '$http_host'],
    ]),
  ];
}

function serverBlock(options: CheckedOptions, names: SiteNames): string[] {
  const reasons = allRules(options.rules).map((rule) => ruleMaps(rule, names).bypass);
  const bypass = [...reasons, names.variable('bypass_key_length')].join('');
  return [...memcachedLocation(options, names, bypass), '', ...appLocations(names)];
}

function upstream(name: string, servers: readonly string[]): string[] {
  return block(`upstream ${name}`, [...servers.map((server) => `server ${server};`), 'keepalive 64;']);
}

function full(http: string[], server: string[], { listen, serverName, directory }: CheckedDeployment): string[] {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (of) => `${of}_temp_path ${directory}/${of};`,
  );
  return [
    'worker_processes auto;',
    `pid ${directory}/nginx.pid;`,
    `error_log ${directory}/error.log;`,
    '',
    ...block('events', ['worker_connections 4096;']),
    '',
    ...block('http', [
      ...temporary,
      `access_log ${directory}/access.log;`,
      'server_tokens off;',
      'tcp_nopush on;',
      'keepalive_timeout 65s;',
      '',
      ...http,
      '',
      ...block('server', [
        `listen ${listen};`,
        `server_name ${serverName.length > 0 ? serverName.join(' ') : '_'};`,
        '',
        ...server,
      ]),
    ]),
  ];
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
