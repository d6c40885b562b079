import { expect, it } from 'vitest';
import { runChild } from '../support/child-program.js';

/** With FLOOD=1000000 it takes some minutes. */
const REQUESTS = Number(process.env['FLOOD'] ?? 100_000);

const program = (requests: number) => String.raw`
import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Controller, Get, Header, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memcachedStore, nginxConf, NginxCacheModule } from './lib/index.js';
import { Renderings } from './lib/caching/renderings.js';
import { MemcachedServer, NginxServer } from './lib/testing/index.js';

const memcached = await MemcachedServer.start({ args: ['-m', '16'] });
const options = { store: memcachedStore({ servers: memcached.address }), query: { allow: ['page'] }, ttl: 0 };

@Controller()
class PagesController {
  @Get('hot')
  @Header('content-type', 'text/html; charset=utf-8')
  hot() {
    return '<p>hot</p>';
  }
}

@Module({ imports: [NginxCacheModule.forRoot(options)], controllers: [PagesController] })
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address();
// It waits for memcached as long as it takes: the machine is busy with this.
const nginx = await NginxServer.start(({ port: listen, directory }) => {
  const conf = nginxConf({ ...options, hosts: 'any' }, { app: '127.0.0.1:' + port, listen, directory });
  return { ...conf, full: conf.full.replace(/access_log .*;/, 'access_log off;').replaceAll('_timeout 40ms;', '_timeout 10s;') };
});

const status = async () => {
  const response = await fetch(nginx.url + '/hot');
  await response.text();
  return response.headers.get('cache-status');
};
while ((await status()) !== 'nginx; hit') await sleep(10);

const directory = mkdtempSync(join(tmpdir(), 'wrk-'));
let run = 0;
let sent = 0;
/** Distinct query strings: unknown parameters, lists, ignored ones with an unknown one. */
const flood = async (number: number) => {
  for (const end = sent + number; sent < end;) {
    run += 1;
    writeFileSync(join(directory, 'flood.lua'),
      'local n, t = 0, 0\n' +
      'function setup(thread) thread:set("id", t); t = t + 1 end\n' +
      'local forms = { "/hot?x=%s", "/hot?%s", "/hot?utm_source=a&x%s=1", "/hot?page=1&page=%s", "/hot?page[]=%s" }\n' +
      'function request() n = n + 1; return wrk.format("GET", string.format(forms[n % 5 + 1], id .. "-${'$'}{run}-" .. n)) end\n'.replace('${'$'}{run}', String(run)));
    const seconds = end - sent > 200000 ? 20 : 3;
    const { stdout } = await promisify(execFile)('wrk', ['-t1', '-c16', '-d' + seconds + 's', '-s', join(directory, 'flood.lua'), nginx.url]);
    sent += Number(/(\d+) requests in/.exec(stdout)![1]);
    if (/Non-2xx/.test(stdout)) throw new Error(stdout);
  }
};
const heap = async () => {
  for (let turn = 0; turn < 5; turn += 1) {
    await sleep(20);
    globalThis.gc!();
  }
  return process.memoryUsage().heapUsed;
};
const items = async () => Number(/curr_items (\d+)/.exec(await memcached.send('stats'))![1]);

await flood(10_000);
const warm = sent;
const before = { heap: await heap(), items: await items() };
let misses = 0;
let asked = 0;
let watching = true;
const watch = (async () => {
  for (; watching; asked += 1) {
    if ((await status()) !== 'nginx; hit') misses += 1;
    await sleep(5);
  }
})();
const start = performance.now();
await flood(${requests});
const seconds = (performance.now() - start) / 1000;
watching = false;
await watch;
const after = { heap: await heap(), items: await items() };
const inFlight = app.get(Renderings).size;
const evictions = Number(/STAT evictions (\d+)/.exec(await memcached.send('stats'))![1]);
await app.close();
await nginx.stop();
await memcached.stop();
rmSync(directory, { recursive: true });
console.log(JSON.stringify({ requests: sent - warm, seconds, asked, misses, items: after.items - before.items, heap: after.heap - before.heap, evictions, inFlight }));
`;

it(`${REQUESTS} distinct query strings displace nothing and leave nothing behind`, { timeout: 1_200_000 }, async () => {
  const { code, output } = await runChild(program(REQUESTS), { args: ['--expose-gc'], timeout: 1_200_000 });
  expect(code, output).toBe(0);
  const result = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, number>;
  if (process.env['FLOOD']) process.stdout.write(`${JSON.stringify(result)}\n`);
  expect(result['requests']).toBeGreaterThanOrEqual(REQUESTS);
  expect(result).toMatchObject({ items: 0, evictions: 0, inFlight: 0, misses: 0 });
  expect(result['asked']).toBeGreaterThan(20);
  // Twenty bytes kept of each would be more.
  expect(result['heap']).toBeLessThan(Math.max(1_500_000, REQUESTS * 3));
});
