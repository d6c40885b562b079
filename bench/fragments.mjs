// What a page with one fragment costs a visitor with a session, whether the fragment is made for him or is the same for everybody: beside the
// same page rendered by Nest for him, and beside a page from the cache that has no fragment. In microseconds of CPU for each answer, medians of
// rounds in turns, and as a multiple of the last of these in the same round.
//
//   npm run build && node bench/fragments.mjs
//
// ROUNDS=5 SECONDS=3 PLATFORM=express are the defaults.
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { memcachedStore, NginxCacheModule, nginxConf, PageFragment, pageFragment } from '../dist/index.js';
import { MemcachedServer, NginxServer } from '../dist/testing/index.js';
import { oneWorker } from './contenders/nginx.mjs';
import { cpuTime } from './support/cpu-time.mjs';
import { load } from './support/load.mjs';
import { pageAt } from './support/pages.mjs';

const HTML = 'text/html; charset=utf-8';
const COOKIE = 'sid=ada';
/** Paths, and what stands there. */
const PAGES = {
  '/plain': 'a page from the cache, without a fragment',
  '/with': 'the same with one fragment, which Nest makes for the visitor',
  '/shared': 'the same with one fragment that is the same for everybody, which nginx takes from the store',
  '/own': 'the same without the cache: Nest renders all of it for the visitor',
};

const optionsFor = (servers) => ({
  prefix: 'bench:',
  hosts: 'any',
  store: memcachedStore({ servers }),
  shared: ['/plain', '/with', '/shared'],
  fragments: ['/with', '/shared'],
});

if (process.argv[2]) await serve(...process.argv.slice(2));
else await measure();

async function measure() {
  const [rounds, seconds] = [Number(process.env['ROUNDS'] ?? 5), Number(process.env['SECONDS'] ?? 3)];
  const platform = process.env['PLATFORM'] ?? 'express';
  const memcached = await MemcachedServer.start({ unix: true });
  const app = fork(fileURLToPath(import.meta.url), [platform, memcached.address]);
  const [address] = await once(app, 'message');
  const nginx = await NginxServer.start(({ port, directory }) => {
    const conf = nginxConf(optionsFor(memcached.address), { app: address, listen: port, directory });
    return { ...conf, full: oneWorker(conf.full) };
  });
  try {
    for (const path of Object.keys(PAGES)) await mustBe(nginx.url, path);
    const seen = Object.fromEntries(Object.keys(PAGES).map((path) => [path, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const path of Object.keys(PAGES)) {
        const pids = { nginx: nginx.pid, memcached: memcached.pid, node: app.pid };
        const before = Object.entries(pids).map(([name, pid]) => [name, cpuTime([pid])]);
        const { requests, rate, failed, failures } = await load({
          url: nginx.url + path,
          seconds,
          fields: { Cookie: COOKIE },
        });
        if (failed > 0) throw new Error(`${failed} answers of ${path} have failed: ${failures}`);
        const cpu = before.map(([name, start]) => [name, (cpuTime([pids[name]]) - start) / requests]);
        const total = cpu.reduce((sum, [, own]) => sum + own, 0);
        seen[path].push({ rate, total, ...Object.fromEntries(cpu) });
      }
    }
    console.log(
      `${platform}, a page of 30 KB, a visitor with a session; CPU us for an answer, medians of ${rounds} rounds; load of the machine ${loadavg()[0].toFixed(1)} on ${availableParallelism()} CPUs\n`,
    );
    for (const [path, results] of Object.entries(seen)) {
      const of = (name) => median(results.map((one) => one[name])).toFixed(0);
      const times = median(results.map(({ total }, round) => total / seen['/plain'][round].total)).toFixed(2);
      console.log(
        `${PAGES[path]}\n  nginx ${of('nginx')}, memcached ${of('memcached')}, node ${of('node')}: ${of('total')}, ${times} x; ${of('rate')} a second`,
      );
    }
  } catch (error) {
    console.log(nginx.errorLog());
    throw error;
  } finally {
    await nginx.stop();
    app.disconnect();
    await once(app, 'exit');
    await memcached.stop();
  }
}

/** Asks until the page is what it is measured as. */
async function mustBe(url, path) {
  const wanted = path === '/own' ? /fwd=bypass; detail=cookie/ : /^nginx; hit/;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch(url + path, { headers: { cookie: COOKIE } });
    const text = await answer.text();
    const isWhole = path === '/plain' || text.includes(path === '/shared' ? '<b>all</b>' : '<b>ada</b>');
    if (isWhole && wanted.test(answer.headers.get('cache-status') ?? '')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} does not become what is to be measured`);
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

async function serve(platform, servers) {
  const { Controller, Get, Header, Module, Req } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const body = pageAt('/size/30');
  const bar = ({ headers }) => `<b>${/sid=(\w+)/.exec(headers.cookie ?? '')?.[1] ?? 'nobody'}</b>`;
  class PagesController {
    plain() {
      return body;
    }
    with() {
      return pageFragment('bar') + body;
    }
    shared() {
      return pageFragment('all') + body;
    }
    all() {
      return '<b>all</b>';
    }
    own(request) {
      return bar(request) + body;
    }
    bar(request) {
      return bar(request);
    }
  }
  const { prototype } = PagesController;
  for (const name of ['own', 'bar']) Req()(prototype, name, 0);
  const fragments = { bar: PageFragment('bar'), all: PageFragment({ name: 'all', shared: true }) };
  for (const name of ['plain', 'with', 'shared', 'own', 'bar', 'all']) {
    const route = fragments[name] ?? Get(name);
    const decorators = [route, Header('content-type', HTML)];
    Reflect.decorate(decorators, prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  }
  Controller()(PagesController);
  class AppModule {}
  Module({ imports: [NginxCacheModule.forRoot(optionsFor(servers))], controllers: [PagesController] })(AppModule);
  const adapter =
    platform === 'fastify'
      ? new (await import('@nestjs/platform-fastify')).FastifyAdapter()
      : new (await import('@nestjs/platform-express')).ExpressAdapter();
  const app = await NestFactory.create(AppModule, adapter, { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  process.send(new URL(await app.getUrl()).host);
  process.once('disconnect', () => void app.close().then(() => process.exit()));
}
