import type { NestExpressApplication } from '@nestjs/platform-express';
import { nginxConf } from 'nestjs-nginx-cache';
import { vi } from 'vitest';
import { freePort, MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { letVisitorsWait, patient, patientStore } from '../support/patience.js';

const WAIT = { timeout: 60_000 };

/** The sample as `npm start` runs it: memcached, the blog, nginx in front. None of them gives another up on a busy machine. */
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
    const { default: options } = await import('../../sample/nginx-cache.config.js');
    Object.assign(options, { store: patientStore(memcached.address), fragmentTimeout: 60_000 });
    const { createBlog } = await import('../../sample/create-blog.js');
    const app = await createBlog({ logger: ['error'] });
    const address = `127.0.0.1:${await freePort()}`;
    await app.listen(Number(address.split(':')[1]), '127.0.0.1');
    letVisitorsWait(app);
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

  /** @returns the headers of someone who has logged in: `demo` is the editor, `ann` a reader */
  async logIn(name: 'demo' | 'ann' = 'demo'): Promise<{ cookie: string }> {
    const response = await this.post('/login', { name, password: name });
    const [cookie = ''] = response.headers.getSetCookie();
    return { cookie: cookie.split(';')[0] ?? '' };
  }

  /** Visits pages until memcached has them. */
  async store(...paths: string[]): Promise<void> {
    await vi.waitFor(async () => {
      for (const path of await this.notStored(...paths)) await (await this.get(path)).text();
      await this.untilStored(paths, 1000);
    }, WAIT);
  }

  /** A page is stored while, or just after, it is sent. */
  async untilStored(paths: readonly string[], timeout = WAIT.timeout): Promise<void> {
    await vi.waitFor(async () => {
      const missing = await this.notStored(...paths);
      if (missing.length) throw new Error(`not stored: ${missing.join(', ')}`);
    }, timeout);
  }

  /** @returns those of the paths whose pages memcached does not have */
  async notStored(...paths: string[]): Promise<string[]> {
    const keys = await this.memcached.keys();
    const stored = new Set(keys.map((key) => /^blog:[^/]*(\/.*)/.exec(key)?.[1]));
    return paths.filter((path) => !stored.has(path));
  }
}

export const byNginx = 'nginx; hit';

/** What the header of a page says to its reader. */
export function barOf(html: string): string {
  return / class="reader"[^>]*>([^<]*)</.exec(html)?.[1] ?? '';
}

export function cacheStatus(response: Response): string | null {
  return response.headers.get('cache-status');
}
