// What the page cache costs where Node is asked, in CPU time: the same application with and without it, in turns.
//
//   npm run build && node bench/misses.mjs [express|fastify] [without|stored|never|hit|interceptor …]
//
// ROUNDS=5 SECONDS=2 BYTES=30000 WORK=0 are the defaults; WORK is how long the handler computes, in microseconds.
// BEFORE=/path/to/dist,/path/to/other/dist measures other builds beside this one. PROFILE=directory writes CPU profiles there.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const { env } = process;
const DIST = resolve(import.meta.dirname, '../dist');

/** What is measured: which application, and which of its addresses. */
const SUBJECTS = {
  without: { app: 'bare', path: '/page', label: 'without the module' },
  stored: { app: 'memcached', path: '/page', label: 'a stored miss' },
  never: { app: 'memcached', path: '/never', label: '@NoPageCache()' },
  interceptor: { app: 'interceptor', path: '/page', isHit: true, label: 'hit, CacheInterceptor' },
  hit: { app: 'memory', path: '/page', isHit: true, label: 'hit, memoryStore()' },
};

if (process.argv[2]?.startsWith('{')) await serve(JSON.parse(process.argv[2]));
else await compare();

/** One application, in a process of its own. */
async function serve({ platform, kind, dist, servers, bytes, work }) {
  await import('reflect-metadata');
  const { Controller, Get, Header, Module, UseInterceptors } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { CacheInterceptor, CacheModule } = await import('@nestjs/cache-manager');
  const { memcachedStore, NginxCacheModule, NoPageCache } = await import(pathToFileURL(join(dist, 'index.js')).href);
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
  const html5 = () => Header('content-type', 'text/html; charset=utf-8');
  const isBuffered = kind === 'interceptor';
  decorate('page', Get('page/:id'), html5(), ...(isBuffered ? [UseInterceptors(CacheInterceptor)] : []));
  decorate('never', Get('never/:id'), html5(), NoPageCache());
  Controller()(PagesController);
  class AppModule {}
  const hosts = env.HOSTS ? { hosts: ['127.0.0.1'] } : {};
  const imports = {
    bare: () => [],
    memcached: () => [NginxCacheModule.forRoot({ ...hosts, store: memcachedStore({ servers }) })],
    memory: () => [NginxCacheModule.forRoot({ ...hosts })],
    interceptor: () => [CacheModule.register({ ttl: 300_000 })],
  };
  Module({ imports: imports[kind](), controllers: [PagesController] })(AppModule);
  const adapter =
    platform === 'express'
      ? new (await import('@nestjs/platform-express')).ExpressAdapter()
      : new (await import('@nestjs/platform-fastify')).FastifyAdapter();
  const app = await NestFactory.create(AppModule, adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
  process.on('message', () => process.send({ cpu: process.cpuUsage() }));
  // So that the profiler writes its file.
  process.once('disconnect', () => process.exit(0));
  process.send({ url: await app.getUrl() });
}

async function compare() {
  const { MemcachedServer } = await import(pathToFileURL(join(DIST, 'testing/index.js')).href);
  const [rounds, seconds, bytes, work] = [env.ROUNDS ?? 5, env.SECONDS ?? 2, env.BYTES ?? 30_000, env.WORK ?? 0].map(
    Number,
  );
  const wanted = process.argv.slice(2);
  const named = (all) => (all.some((one) => wanted.includes(one)) ? all.filter((one) => wanted.includes(one)) : all);
  const builds = [...(env.BEFORE?.split(',') ?? []), DIST];
  const directory = mkdtempSync(join(tmpdir(), 'misses-'));
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  console.log(`pages of ${bytes} bytes, handlers of ${work} us; medians of ${rounds} rounds\n`);
  console.log(`${''.padEnd(50)}us of CPU   at least   beyond the first   answers/s   of the first`);
  let unique = 0;
  for (const platform of named(['express', 'fastify'])) {
    const apps = new Map();
    const started = async (kind, dist) => {
      const id = `${kind} ${dist}`;
      if (!apps.has(id)) {
        const execArgv = env.PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${env.PROFILE}/${platform}-${kind}`] : [];
        // One each: of two builds that share a memcached, the one that was started last stores pages.
        const memcached = await MemcachedServer.start({ unix: true, args: ['-m', '512'] });
        const settings = { platform, kind, dist, servers: memcached.address, bytes, work };
        const child = fork(import.meta.filename, [JSON.stringify(settings)], { execArgv });
        const [{ url }] = await once(child, 'message');
        apps.set(id, { child, url, memcached });
      }
      return apps.get(id);
    };
    const subjects = [];
    for (const name of named(Object.keys(SUBJECTS))) {
      const subject = SUBJECTS[name];
      const isOurs = !['bare', 'interceptor'].includes(subject.app);
      for (const dist of isOurs ? builds : [DIST]) {
        const label = isOurs && dist !== DIST ? `${subject.label} (${dist.split('/').at(-2)})` : subject.label;
        subjects.push({ ...subject, ...(await started(subject.app, dist)), label, cpu: [], rate: [] });
      }
    }
    // The first round is for the compiler.
    for (let round = -1; round < rounds; round += 1) {
      for (const { child, url, memcached, path, isHit, cpu, rate } of subjects) {
        unique += 1;
        const script = join(directory, 'unique.lua');
        writeFileSync(
          script,
          `n = 0 function request() n = n + 1 return wrk.format("GET", "${path}/${unique}-" .. n) end`,
        );
        const used = async () => {
          child.send('cpu');
          const [{ cpu: usage }] = await once(child, 'message');
          return usage.user + usage.system;
        };
        const target = isHit ? [`${url}${path}/hot`] : ['-s', script, url];
        if (isHit) await (await fetch(`${url}${path}/hot`)).text();
        const before = await used();
        const output = execFileSync('wrk', ['-t1', '-c16', `-d${seconds}s`, '-H', 'Accept-Encoding: gzip', ...target], {
          encoding: 'utf8',
        });
        const requests = Number(/(\d+) requests in/.exec(output)[1]);
        const used1 = (await used()) - before;
        await memcached.flush();
        if (round < 0) continue;
        cpu.push(used1 / requests);
        rate.push(requests / seconds);
      }
    }
    for (const { label, cpu, rate } of subjects) {
      const ratio = median(rate.map((value, index) => value / subjects[0].rate[index]));
      const beyond = median(cpu.map((value, index) => value - subjects[0].cpu[index]));
      const figures = [
        median(cpu).toFixed(0).padStart(9),
        Math.min(...cpu)
          .toFixed(0)
          .padStart(11),
        beyond.toFixed(0).padStart(19),
        median(rate).toFixed(0).padStart(12),
        ratio.toFixed(2).padStart(15),
      ];
      console.log(`${`${platform}, ${label}`.padEnd(50)}${figures.join('')}`);
    }
    for (const { child, memcached } of apps.values()) {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
      await memcached.stop();
    }
  }
  rmSync(directory, { recursive: true });
}
