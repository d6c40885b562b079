// A Nest application that serves the pages, in a process of its own: alone, with CacheInterceptor, or with this module.
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { optionsFor } from './module-options.mjs';
import { pageAt } from './pages.mjs';

/**
 * @param {{ platform: 'express' | 'fastify', cache?: 'module' | 'interceptor', work?: number }} what
 *   besides, the options of the module (module-options.mjs); `work`: for how many milliseconds a page is made, without taking CPU
 * @returns the application: `stats()` tells how many pages it has made, and what memory it takes; `purge()` calls a method of
 *   `PageCacheService`
 */
export async function startNest(what) {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(what)]);
  let questions = 0;
  const asked = new Map();
  const ask = (what, more) =>
    new Promise((resolve, reject) => {
      asked.set((questions += 1), { resolve, reject });
      child.send({ id: questions, ask: what, ...more });
    });
  const [{ url }] = await once(child, 'message');
  child.on('message', ({ id, failed, ...answer }) => {
    const { resolve, reject } = asked.get(id);
    asked.delete(id);
    if (failed) reject(new Error(failed));
    else resolve(answer);
  });
  return {
    url,
    address: new URL(url).host,
    pid: child.pid,
    stats: () => ask('stats'),
    purge: (method, ...targets) => ask('purge', { method, targets }),
    edit: (path) => ask('edit', { path }),
    stop: async () => {
      child.disconnect();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function serve({ platform, cache, work = 0, ...options }) {
  const { Controller, Get, Header, Module, NotFoundException, Req } = await import('@nestjs/common');
  const { NestFactory, APP_INTERCEPTOR } = await import('@nestjs/core');
  let [renders, requests] = [0, 0];
  const versions = new Map();
  const show = async (path) => {
    renders += 1;
    if (work > 0) await new Promise((resolve) => setTimeout(resolve, work));
    const page = pageAt(path, versions.get(path));
    if (page === undefined) throw new NotFoundException();
    return page;
  };
  class PagesController {
    size(request) {
      return show(request.url);
    }
    post(request) {
      return show(request.url);
    }
    small(request) {
      return show(request.url);
    }
  }
  for (const name of ['size', 'post', 'small']) {
    Req()(PagesController.prototype, name, 0);
    const decorators = [
      Get([`${name}/:number`, `${name}/:section/:number`]),
      Header('content-type', 'text/html; charset=utf-8'),
    ];
    const property = Object.getOwnPropertyDescriptor(PagesController.prototype, name);
    Reflect.decorate(decorators, PagesController.prototype, name, property);
  }
  Controller()(PagesController);
  const [imports, providers] = [[], []];
  if (cache === 'interceptor') {
    // As https://docs.nestjs.com/techniques/caching#auto-caching-responses has it.
    const { CacheInterceptor, CacheModule } = await import('@nestjs/cache-manager');
    imports.push(CacheModule.register({ ttl: 3_600_000 }));
    providers.push({ provide: APP_INTERCEPTOR, useClass: CacheInterceptor });
  }
  let pages;
  if (cache === 'module') {
    const { NginxCacheModule, PageCacheService } = await import('../../dist/index.js');
    imports.push(NginxCacheModule.forRoot(optionsFor(options)));
    pages = PageCacheService;
  }
  class AppModule {}
  Module({ imports, providers, controllers: [PagesController] })(AppModule);
  const adapter =
    platform === 'express'
      ? new (await import('@nestjs/platform-express')).ExpressAdapter()
      : new (await import('@nestjs/platform-fastify')).FastifyAdapter();
  const app = await NestFactory.create(AppModule, adapter, { logger: ['error', 'warn'] });
  app.getHttpServer().on('request', () => (requests += 1));
  // As docs/nginx.md has it for many visitors at once.
  await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  const questions = {
    stats: () => ({ renders, requests, memory: process.memoryUsage() }),
    purge: async ({ method, targets }) => ({ purged: (await app.get(pages)[method](...targets)).purged }),
    /** Changes a page, and purges it. */
    edit: async ({ path }) => {
      const version = (versions.get(path) ?? 0) + 1;
      versions.set(path, version);
      await app.get(pages).purge(path);
      return { version };
    },
  };
  const answer = ({ id, ask, ...what }) =>
    Promise.resolve(questions[ask](what)).then(
      (result) => process.send({ id, ...result }),
      ({ message }) => process.send({ id, failed: message }),
    );
  process.on('message', (message) => void answer(message));
  process.once('disconnect', () => void app.close().then(() => process.exit()));
  process.send({ url: await app.getUrl() });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(JSON.parse(process.argv[2]));
