import type { NginxFlavour } from 'nestjs-nginx-cache';
import { settings } from '../settings.js';
import { freePort } from './ports.js';
import { ringTour } from './ring-tour.js';
import { Site } from './site.js';
import { row } from './terminal.js';
import { tour } from './tour.js';

const HOW: Readonly<Record<NginxFlavour, string>> = {
  memcached: 'nginx asks memcached for the content of a page',
  srcache: 'nginx asks memcached for whole responses, with the module srcache',
  njs: 'nginx asks memcached for whole responses, with a script for the module njs',
  files: 'nginx serves pages as static files',
};

export interface DemoOptions {
  flavour: NginxFlavour;
  /** How many memcacheds there are. */
  memcacheds: number;
  /** Of the site; default 8080, or a free one when that is taken. */
  port?: number;
  /** End after the tour. */
  once: boolean;
  /** Where nginx's modules are, when the flavour needs one. */
  modulesDirectory?: string;
  /** Why nginx, or what else the flavour needs, cannot be had; without it, all of it is started. */
  without?: string;
}

/**
 * Starts the blog behind nginx, shows what the page cache does, and serves until it is stopped by a signal.
 *
 * @returns the exit code
 */
export async function demo(options: DemoOptions): Promise<number> {
  const { port } = options;
  const free = await freePort(port ?? 8080);
  if (port !== undefined && port !== free) {
    console.log(`\nPort ${port} is taken, or you may not listen on it.`);
    return 1;
  }
  const site = new Site(free);
  const stopped = new Promise<'signal'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('signal'));
  });
  try {
    return await Promise.race([run(site, options), site.died, stopped.then(() => 0)]);
  } catch (error) {
    console.log(`\n${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await site.stop();
  }
}

async function run(site: Site, options: DemoOptions): Promise<number> {
  const { once, without, memcacheds } = options;
  // Where pages are is for the demo to say, not for the environment.
  Object.assign(settings, { memcached: [], pages: undefined, flavour: undefined });
  await (without === undefined ? startBehindNginx(site, options) : startAlone(site, without));
  const cache = without === undefined ? 'nginx' : 'nestjs-nginx-cache';
  const failures = await tour(site.url, cache);
  const [, other] = memcachedNames(memcacheds);
  if (other !== undefined && without === undefined) failures.push(...(await ringTour(site, other)));
  for (const failure of failures) console.log(`\n  NOT AS IT SHOULD BE: ${failure}`);
  if (failures.length || once) return failures.length ? 1 : 0;
  addresses(site, without === undefined);
  return new Promise(() => {});
}

async function startBehindNginx(site: Site, { flavour, memcacheds, modulesDirectory }: DemoOptions): Promise<void> {
  row('flavour', `${flavour}: ${HOW[flavour]}`);
  settings.flavour = flavour;
  if (flavour === 'files') {
    settings.pages = site.pages;
    row('pages', settings.pages);
  } else {
    settings.memcached = [];
    for (const name of memcachedNames(memcacheds)) {
      const address = await site.startMemcached(name);
      settings.memcached.push(address);
      row(name, address);
    }
  }
  const app = await site.startBlog(await freePort());
  row('blog', `http://${app}`);
  await site.startNginx(app, modulesDirectory);
  row('nginx', site.url);
}

function memcachedNames(count: number): string[] {
  return count === 1 ? ['memcached'] : Array.from({ length: count }, (_, index) => `memcached${index + 1}`);
}

async function startAlone(site: Site, without: string): Promise<void> {
  console.log(`\n${without}\nUntil then, pages are kept in the memory of Node, and Node serves them.\n`);
  await site.startBlog(site.port);
  row('blog', site.url);
}

function addresses(site: Site, hasNginx: boolean): void {
  const { editor, reader } = settings;
  console.log('\nYours to try\n');
  row('site', `${site.url}/`);
  row('log in', `${site.url}/login  (name ${reader.name}, password ${reader.password})`);
  row('admin', `${site.url}/admin  (name ${editor.name}, password ${editor.password})`);
  if (hasNginx) row('nginx.conf', site.nginxConf);
  row('logs', `tail -f ${site.directory}/*.log`);
  console.log('\nCtrl-C stops everything and removes its files.');
}
