// What visitors notice of a warm-up: the same visitors alone and while the pages of a sitemap are published, in turns.
//
//   npx tsc -p tsconfig.build.json && node bench/warm-up.mjs
//
// PAGES=5000 VISITORS=20 WORK=2000 WAIT=5 BYTES=30000 CONCURRENCY=4 are the defaults. VISITORS come each second, to pages that are not stored; each page
// computes for WORK microseconds and waits for WAIT milliseconds, as for a database.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const { env } = process;
let visitor = 0;
if (process.argv[2]) await serve(JSON.parse(process.argv[2]));
else await compare();

/** The application, in a process of its own. */
async function serve({ platform, servers, pages: count, bytes, work, wait, concurrency }) {
  await import('reflect-metadata');
  const { Controller, Get, Header, Module, Param } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { memcachedStore, NginxCacheModule, PageCacheService } = await import('../dist/index.js');
  const html = 'x'.repeat(bytes);
  class PagesController {
    async page(id) {
      await delay(wait);
      for (const end = performance.now() + work / 1000; performance.now() < end;);
      return `<h1>${id}</h1>${html}`;
    }
    sitemap() {
      const urls = Array.from({ length: count }, (_, id) => `<url><loc>https://example.com/posts/${id}</loc></url>`);
      return `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${urls.join('')}</urlset>`;
    }
  }
  const decorate = (name, ...decorators) =>
    Reflect.decorate(
      decorators,
      PagesController.prototype,
      name,
      Object.getOwnPropertyDescriptor(PagesController.prototype, name),
    );
  decorate('page', Get(['posts/:id', 'visitors/:id']), Header('content-type', 'text/html; charset=utf-8'));
  Reflect.decorate([(target, key) => Param('id')(target, key, 0)], PagesController.prototype, 'page');
  decorate('sitemap', Get('sitemap.xml'), Header('content-type', 'application/xml'));
  Reflect.decorate([Controller()], PagesController);
  class AppModule {}
  const cache = NginxCacheModule.forRoot({ store: memcachedStore({ servers }), origin: 'https://example.com' });
  Reflect.decorate([Module({ imports: [cache], controllers: [PagesController] })], AppModule);
  const adapter =
    platform === 'express'
      ? new (await import('@nestjs/platform-express')).ExpressAdapter()
      : new (await import('@nestjs/platform-fastify')).FastifyAdapter();
  const app = await NestFactory.create(AppModule, adapter, { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  const answer = async (message) => {
    if (message === 'close') {
      await app.close();
      process.disconnect();
      return;
    }
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    const report = await app.get(PageCacheService).publishSitemap('/sitemap.xml', { concurrency });
    globalThis.gc?.();
    process.send({
      published: report.published.length,
      failed: report.failed.length,
      duration: report.duration,
      heap: process.memoryUsage().heapUsed - before,
    });
  };
  process.on('message', (message) => void answer(message));
  process.send({ url: await app.getUrl() });
}

async function compare() {
  const { MemcachedServer } = await import('../dist/testing/index.js');
  const number = (name, otherwise) => Number(env[name] ?? otherwise);
  const settings = {
    pages: number('PAGES', 5000),
    bytes: number('BYTES', 30_000),
    work: number('WORK', 2000),
    wait: number('WAIT', 5),
    concurrency: number('CONCURRENCY', 4),
  };
  const perSecond = number('VISITORS', 20);
  const load = execFileSync('cat', ['/proc/loadavg']).toString().split(' ')[0];
  console.log(`Node ${process.version}, load ${load}, ${perSecond} visitors/s, ${JSON.stringify(settings)}\n`);
  for (const platform of (env.PLATFORMS ?? 'express,fastify').split(',')) {
    const memcached = await MemcachedServer.start({ args: ['-m', '1024'] });
    const child = fork(import.meta.filename, [JSON.stringify({ platform, servers: memcached.address, ...settings })], {
      execArgv: ['--expose-gc'],
    });
    const [{ url }] = await once(child, 'message');
    // Code is compiled, connections are there.
    await visit(url, perSecond, delay(2000));
    // Nobody else is here.
    await delay(1500);
    const alone = await publish(child);
    await delay(1500);
    const warm = publish(child);
    const during = await visit(url, perSecond, warm);
    const { published, failed, duration } = await warm;
    await delay(500);
    const quiet = await visit(url, perSecond, delay(Math.min(duration, 60_000)));
    console.log(
      `${platform}: nobody here: ${alone.published} pages in ${(alone.duration / 1000).toFixed(1)} s, heap ${(alone.heap / 1e6).toFixed(1)} MB more, ${alone.failed + failed} failed`,
    );
    console.table([
      { 'pages published': 'none', ...figures(quiet) },
      { 'pages published': `${published} in ${(duration / 1000).toFixed(1)} s`, ...figures(during) },
    ]);
    child.send('close');
    await once(child, 'exit');
    await memcached.stop();
  }
}

async function publish(child) {
  child.send('publish');
  const [report] = await once(child, 'message');
  return report;
}

/** Each visitor comes at a time of his own, whether the others have got their answers or not. */
async function visit(url, perSecond, until) {
  const times = [];
  const open = new Set();
  let isOver = false;
  void until.finally(() => (isOver = true));
  while (!isOver) {
    const one = ask(`${url}/visitors/${(visitor += 1)}`).then((time) => times.push(time));
    open.add(one);
    void one.finally(() => open.delete(one));
    await delay((-Math.log(1 - Math.random()) * 1000) / perSecond);
  }
  await Promise.all(open);
  return times.sort((a, b) => a - b);
}

async function ask(page) {
  const start = performance.now();
  const response = await fetch(page);
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`${page} answers ${response.status}`);
  return performance.now() - start;
}

function figures(times) {
  const at = (share) => `${times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1)} ms`;
  return { visitors: times.length, median: at(0.5), '95 %': at(0.95), '99 %': at(0.99), longest: at(1) };
}
