import { settings } from '../settings.js';
import { freePort } from './ports.js';
import { Site } from './site.js';
import { row } from './terminal.js';
import { tour } from './tour.js';

export interface DemoOptions {
  /** Of the site; default 8080, or a free one when that is taken. */
  port?: number;
  /** End after the tour. */
  once: boolean;
  /** Why nginx and memcached cannot be had; without it, they are started. */
  without?: string;
}

/**
 * Starts the blog behind nginx, shows what the page cache does, and serves until it is stopped by a signal.
 *
 * @returns the exit code
 */
export async function demo({ port, once, without }: DemoOptions): Promise<number> {
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
    return await Promise.race([run(site, once, without), site.died, stopped.then(() => 0)]);
  } catch (error) {
    console.log(`\n${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await site.stop();
  }
}

async function run(site: Site, once: boolean, without: string | undefined): Promise<number> {
  await (without === undefined ? startBehindNginx(site) : startAlone(site, without));
  const failures = await tour(site.url, without === undefined ? 'nginx' : 'nestjs-nginx-cache');
  for (const failure of failures) console.log(`\n  NOT AS IT SHOULD BE: ${failure}`);
  if (failures.length || once) return failures.length ? 1 : 0;
  addresses(site, without === undefined);
  return new Promise(() => {});
}

async function startBehindNginx(site: Site): Promise<void> {
  const memcached = await site.startMemcached();
  row('memcached', memcached);
  // Read by the options of the cache, here for nginx and in the blog for Nest.
  settings.memcached = [memcached];
  const app = await site.startBlog(await freePort(), { MEMCACHED: memcached });
  row('blog', `http://${app}`);
  await site.startNginx(app);
  row('nginx', site.url);
}

async function startAlone(site: Site, without: string): Promise<void> {
  console.log(`\n${without}\nUntil then, pages are kept in the memory of Node, and Node serves them.\n`);
  await site.startBlog(site.port, { MEMCACHED: '' });
  row('blog', site.url);
}

function addresses(site: Site, hasNginx: boolean): void {
  const { name, password } = settings.editor;
  console.log('\nYours to try\n');
  row('site', `${site.url}/`);
  row('admin', `${site.url}/admin  (name ${name}, password ${password})`);
  if (hasNginx) row('nginx.conf', site.nginxConf);
  row('logs', `tail -f ${site.directory}/*.log`);
  console.log('\nCtrl-C stops everything and removes its files.');
}
