import type { NestExpressApplication } from '@nestjs/platform-express';
import { nginxConf } from 'nestjs-nginx-cache';
import { vi } from 'vitest';
import { freePort, MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { patient } from '../support/patience.js';

const WAIT = { timeout: 20_000 };

/** The sample as `npm start` runs it: memcached, the blog, nginx in front. */
export class RunningBlog {
  private constructor(
    readonly app: NestExpressApplication,
    readonly memcached: MemcachedServer,
    private readonly nginx: NginxServer,
  ) {}

  static async start(): Promise<RunningBlog> {
    const memcached = await MemcachedServer.start();
    // The sample reads its settings when it is loaded.
    vi.stubEnv('MEMCACHED', memcached.address);
    const [{ createBlog }, { default: options }] = await Promise.all([
      import('../../sample/create-blog.js'),
      import('../../sample/nginx-cache.config.js'),
    ]);
    const app = await createBlog({ logger: ['error'] });
    const address = `127.0.0.1:${await freePort()}`;
    await app.listen(Number(address.split(':')[1]), '127.0.0.1');
    const nginx = await NginxServer.start(({ port, directory }) => {
      const conf = nginxConf(options, { app: address, listen: port, directory });
      return { ...conf, full: patient(conf.full) };
    });
    return new RunningBlog(app, memcached, nginx);
  }

  async stop(): Promise<void> {
    await this.nginx.stop();
    await this.app.close();
    await this.memcached.stop();
  }

  /** Through nginx. */
  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.nginx.url + path, { headers, redirect: 'manual' });
  }

  /** A form, sent through nginx. */
  post(path: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.nginx.url + path, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers,
      redirect: 'manual',
    });
  }

  /** @returns the headers of someone who has logged in */
  async logIn(): Promise<{ cookie: string }> {
    const response = await this.post('/login', { name: 'demo', password: 'demo', next: '/admin' });
    const [cookie = ''] = response.headers.getSetCookie();
    return { cookie: cookie.split(';')[0] ?? '' };
  }

  /** Visits pages until memcached has them: on a busy machine it may be late, and then a page is not stored. */
  async store(...paths: string[]): Promise<void> {
    await vi.waitFor(async () => {
      for (const path of await this.notStored(...paths)) await (await this.get(path)).text();
      await this.untilStored(...paths);
    }, WAIT);
  }

  /** A page is stored while, or just after, it is sent. */
  async untilStored(...paths: string[]): Promise<void> {
    await vi.waitFor(async () => {
      const missing = await this.notStored(...paths);
      if (missing.length) throw new Error(`not stored: ${missing.join(', ')}`);
    }, 1000);
  }

  /** @returns those of the paths whose pages memcached does not have */
  async notStored(...paths: string[]): Promise<string[]> {
    const keys = new Set(await this.memcached.keys());
    return paths.filter((path) => !keys.has(`blog:${path}`));
  }
}

export const byNginx = 'nginx; hit';

export function cacheStatus(response: Response): string | null {
  return response.headers.get('cache-status');
}
