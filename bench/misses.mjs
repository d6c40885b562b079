// What the page cache costs on a miss: the same application with and without it, in turns.
//
//   npx tsc -p tsconfig.build.json && node bench/misses.mjs
//
// ROUNDS=5 SECONDS=2 BYTES=30000 WORK=0 are the defaults; WORK is how long the handler computes, in microseconds.
import { fork, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { env } = process;
if (process.argv[2]) await serve(JSON.parse(process.argv[2]));
else await compare();

/** One application, in a process of its own. */
async function serve({ platform, servers, bytes, work }) {
  await import('reflect-metadata');
  const { Controller, Get, Header, Module } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { memcachedStore, NginxCacheModule, NoPageCache } = await import('../dist/index.js');
  const line = (index) =>
    `<li class="post"><a href="/posts/${index}">Title ${Math.random().toString(36)}</a><p>A summary of ${(index * 7919) % 1000} words</p></li>\n`;
  const html = Array.from({ length: bytes / 80 }, (_, index) => line(index))
    .join('')
    .slice(0, bytes);
  const handle = () => {
    for (const end = performance.now() + work / 1000; performance.now() < end;);
    return html;
  };
  class PagesController {
    page() {
      return handle();
    }
    never() {
      return handle();
    }
  }
  const decorate = (name, ...decorators) =>
    Reflect.decorate(
      decorators,
      PagesController.prototype,
      name,
      Object.getOwnPropertyDescriptor(PagesController.prototype, name),
    );
  decorate('page', Get('page/:id'), Header('content-type', 'text/html; charset=utf-8'));
  decorate('never', Get('never/:id'), Header('content-type', 'text/html; charset=utf-8'), NoPageCache());
  Controller()(PagesController);
  class AppModule {}
  const imports = servers ? [NginxCacheModule.forRoot({ store: memcachedStore({ servers }) })] : [];
  Module({ imports, controllers: [PagesController] })(AppModule);
  const adapter =
    platform === 'express'
      ? new (await import('@nestjs/platform-express')).ExpressAdapter()
      : new (await import('@nestjs/platform-fastify')).FastifyAdapter();
  const app = await NestFactory.create(AppModule, adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
  process.on('message', () => process.send({ cpu: process.cpuUsage() }));
  process.send({ url: await app.getUrl() });
}

async function compare() {
  const { MemcachedServer } = await import('../dist/testing/index.js');
  const [rounds, seconds, bytes, work] = [env.ROUNDS ?? 5, env.SECONDS ?? 2, env.BYTES ?? 30_000, env.WORK ?? 0].map(
    Number,
  );
  const memcached = await MemcachedServer.start({ unix: true, args: ['-m', '512'] });
  const directory = mkdtempSync(join(tmpdir(), 'misses-'));
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  console.log(`pages of ${bytes} bytes, handlers of ${work} us; medians of ${rounds} rounds\n`);
  console.log(`${''.padEnd(34)}us of CPU   answers/s   against without`);
  let unique = 0;
  for (const platform of ['express', 'fastify']) {
    const apps = [];
    for (const servers of [undefined, memcached.address]) {
      const child = fork(import.meta.filename, [JSON.stringify({ platform, servers, bytes, work })]);
      const [{ url }] = await once(child, 'message');
      apps.push({ child, url });
    }
    const subjects = [
      ['without', apps[0], 'page'],
      ['stored', apps[1], 'page'],
      ['@NoPageCache()', apps[1], 'never'],
    ].map(([name, app, path]) => ({ name, ...app, path, cpu: [], rate: [] }));
    for (let round = 0; round < rounds; round += 1) {
      for (const { child, url, path, cpu, rate } of subjects) {
        unique += 1;
        const script = join(directory, 'unique.lua');
        writeFileSync(
          script,
          `n = 0 function request() n = n + 1 return wrk.format("GET", "/${path}/${unique}-" .. n) end`,
        );
        const used = async () => {
          child.send('cpu');
          const [{ cpu: usage }] = await once(child, 'message');
          return usage.user + usage.system;
        };
        const before = await used();
        const output = execFileSync('wrk', ['-t1', '-c16', `-d${seconds}s`, '-s', script, url], { encoding: 'utf8' });
        const requests = Number(/(\d+) requests in/.exec(output)[1]);
        cpu.push(((await used()) - before) / requests);
        rate.push(requests / seconds);
        await memcached.flush();
      }
    }
    for (const { name, cpu, rate } of subjects) {
      const ratio = median(rate.map((value, index) => value / subjects[0].rate[index]));
      const figures = [
        median(cpu).toFixed(0).padStart(9),
        median(rate).toFixed(0).padStart(12),
        ratio.toFixed(2).padStart(18),
      ];
      console.log(`${`${platform}, ${name}`.padEnd(34)}${figures.join('')}`);
    }
    for (const { child } of apps) child.kill();
  }
  await memcached.stop();
  rmSync(directory, { recursive: true });
}
