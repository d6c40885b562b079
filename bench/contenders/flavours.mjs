// This module: a Nest application, the generated configuration, and the store between them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nginxConf } from '../../dist/index.js';
import { MemcachedServer, NginxServer } from '../../dist/testing/index.js';
import { optionsFor } from '../support/module-options.mjs';
import { startNest } from '../support/nest-app.mjs';
import { oneWorker } from './nginx.mjs';

/** Where Debian and Ubuntu put the modules of nginx. */
const MODULES = '/usr/lib/nginx/modules';
/** More than there are visitors at once. */
const CONNECTIONS = 8192;
const NEEDED = {
  memcached: [],
  srcache: ['ngx_http_memc_module.so', 'ngx_http_srcache_filter_module.so'],
  njs: ['ngx_http_js_module.so'],
  files: [],
};

export const flavours = Object.entries(NEEDED).map(([flavour, modules]) => ({
  name: flavour,
  by: 'nginx',
  source: 'docs/nginx.md',
  programs: flavour === 'files' ? ['nginx'] : ['nginx', 'memcached'],
  missing: () => modules.map((module) => join(MODULES, module)).filter((file) => !existsSync(file)),
  start: (world) => startFlavour(flavour, world),
}));

/** @param more further options of the module, for both sides */
export async function startFlavour(flavour, { directory, platform = 'express', work, more, change = oneWorker }) {
  const memcached =
    flavour === 'files'
      ? undefined
      : await MemcachedServer.start({ unix: true, args: ['-m', '4096', '-c', String(CONNECTIONS), '-b', '4096'] });
  const options = {
    flavour,
    more,
    ...(memcached ? { servers: memcached.address } : { root: join(directory, 'pages') }),
  };
  const nest = await startNest({ platform, cache: 'module', work, ...options });
  const nginx = await NginxServer.start(({ port, directory: own }) => {
    const place = {
      app: nest.address,
      listen: port,
      directory: own,
      modulesDirectory: MODULES,
      memcachedConnections: CONNECTIONS,
    };
    const conf = nginxConf(optionsFor(options), place);
    return { ...conf, full: change(conf.full) };
  });
  return {
    url: nginx.url,
    nest,
    nginx,
    memcached,
    processes: () => ({ nginx: nginx.pid, ...(memcached && { memcached: memcached.pid }), node: nest.pid }),
    renders: async () => (await nest.stats()).renders,
    stop: async () => {
      await nginx.stop();
      await nest.stop();
      await memcached?.stop();
    },
  };
}
