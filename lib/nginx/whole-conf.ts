import type { CheckedDeployment } from './deployment.js';
import { block } from './syntax.js';

/** What goes inside the blocks of an nginx.conf. */
export interface ConfParts {
  readonly http: readonly string[];
  readonly server: readonly string[];
  readonly stream: readonly string[];
  /** Dynamic modules, in the order in which they are loaded. */
  readonly modules: readonly string[];
  /** The name of the format of the access log. */
  readonly logFormat: string;
}

/** A complete nginx.conf for one site. */
export function wholeConf(parts: ConfParts, place: CheckedDeployment): string[] {
  const { http, server, stream, modules, logFormat } = parts;
  const { listen, serverName, directory, modulesDirectory } = place;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (of) => `${of}_temp_path ${directory}/${of};`,
  );
  const loaded = stream.length > 0 ? ['ngx_stream_module.so', ...modules] : modules;
  const [errors, requests] =
    place.logs === 'streams' ? ['stderr', '/dev/stdout'] : [`${directory}/error.log`, `${directory}/access.log`];
  return [
    ...(modulesDirectory ? loaded.map((module) => `load_module ${modulesDirectory}/${module};`) : []),
    'worker_processes auto;',
    '# Each visitor needs two connections: one to nginx, and one to memcached or the application.',
    'worker_rlimit_nofile 16384;',
    '# nginx runs the regular expressions of the maps below for every request.',
    'pcre_jit on;',
    `pid ${directory}/nginx.pid;`,
    `error_log ${errors};`,
    '',
    ...block('events', ['worker_connections 8192;']),
    '',
    ...(stream.length > 0 ? [...block('stream', stream), ''] : []),
    ...block('http', [
      ...temporary,
      '# nginx needs more room than by default for this many variables with such long names.',
      'variables_hash_max_size 4096;',
      'variables_hash_bucket_size 128;',
      'server_tokens off;',
      'tcp_nopush on;',
      'keepalive_timeout 65s;',
      '# The application limits the size of uploads.',
      'client_max_body_size 0;',
      '',
      ...http,
      `access_log ${requests} ${logFormat};`,
      '',
      ...block('server', [
        '# If the queue of the kernel is full, a visitor waits for a second or longer.',
        `listen ${listen} backlog=4096;`,
        `server_name ${serverName.length > 0 ? serverName.join(' ') : '_'};`,
        '',
        ...server,
      ]),
    ]),
  ];
}
