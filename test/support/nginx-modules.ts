import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { NginxFlavour } from '../../lib/index.js';
import { findProgram } from '../../lib/testing/find-program.js';

/** The Debian packages of the modules. */
const PACKAGES: Readonly<Record<string, string>> = {
  'ngx_http_brotli_static_module.so': 'libnginx-mod-http-brotli-static',
  'ngx_http_js_module.so': 'libnginx-mod-http-js',
  'ngx_http_memc_module.so': 'libnginx-mod-http-memc',
  'ngx_http_srcache_filter_module.so': 'libnginx-mod-http-srcache-filter',
  'ngx_stream_module.so': 'libnginx-mod-stream',
};

/** A flavour, `fileStore({ brotli: true })`, or a `resolver`. */
export type Needing = NginxFlavour | 'brotli' | 'stream';

const NEEDED: Readonly<Record<Needing, readonly string[]>> = {
  memcached: [],
  files: [],
  srcache: ['ngx_http_memc_module.so', 'ngx_http_srcache_filter_module.so'],
  njs: ['ngx_http_js_module.so'],
  brotli: ['ngx_http_brotli_static_module.so'],
  stream: ['ngx_stream_module.so'],
};

let directory: string | undefined;

/**
 * Where nginx's dynamic modules are.
 *
 * @throws Error with the missing packages when there are not those that it needs
 */
export function modulesDirectory(needing: Needing = 'memcached'): string {
  const place = (directory ??= builtWith());
  const missing = NEEDED[needing].filter((module) => !existsSync(join(place, module)));
  if (missing.length === 0) return place;
  const packages = missing.map((module) => PACKAGES[module]).join(' ');
  throw new Error(`${missing.join(', ')} not found in ${place}: apt-get install ${packages}`);
}

function builtWith(): string {
  // nginx writes it to stderr.
  const build = execFileSync('/bin/sh', ['-c', '"$0" -V 2>&1', findProgram('nginx')], { encoding: 'utf8' });
  return /--modules-path=(\S+)/.exec(build)?.[1] ?? '/usr/lib/nginx/modules';
}

/** What Debian's packages of all of them put into /etc/nginx/modules-enabled. */
export function loadAllModules(): string {
  const needing = Object.keys(NEEDED) as Needing[];
  return needing
    .flatMap((one) => NEEDED[one].map((module) => `load_module ${modulesDirectory(one)}/${module};\n`))
    .join('');
}
