// What a miss, a hit and a purge cost while memcached has few, many and very many pages of 1 KB.
//
//   npm run build && node bench/growth.mjs
//
// COUNTS=100,10000,1000000 TIMES=200 SECONDS=2 are the defaults; TIMES is how many misses and purges are measured each time.
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFlavour } from './contenders/flavours.mjs';
import { oneWorker } from './contenders/nginx.mjs';
import { cpuTime } from './support/cpu-time.mjs';
import { load, walk } from './support/load.mjs';
import { pageAt } from './support/pages.mjs';
import { median } from './support/statistics.mjs';

const { env } = process;
const [times, seconds] = [env['TIMES'] ?? 200, env['SECONDS'] ?? 2].map(Number);
const counts = (env['COUNTS'] ?? '100,10000,1000000').split(',').map(Number);
/** Of the stored pages, so many are asked for. */
const VISITED = 10_000;
/** So many are written at once. */
const BATCH = 1000;

const directory = mkdtempSync(join(tmpdir(), 'growth-'));
chmodSync(directory, 0o777);
const site = await startFlavour('memcached', { directory, change: oneWorker });
const memcached = connect(site.memcached.address.replace('unix:', ''));

console.log(
  `medians of ${times}, in milliseconds; CPU in microseconds for each, of all processes; hits of ${seconds} s\n`,
);
const COLUMNS = ['pages', 'miss ms', 'CPU', 'hits/s', 'CPU', 'purge() ms', 'CPU', `purgeUnder() of ${times} ms`];
console.log(COLUMNS.map((name) => name.padStart(12)).join(''));
try {
  let stored = 0;
  for (const count of counts) {
    for (; stored < count; stored += BATCH) await fill(stored, Math.min(BATCH, count - stored));
    stored = count;
    await measure(count);
  }
} finally {
  memcached.destroy();
  await site.stop();
  rmSync(directory, { recursive: true });
}

/** As the application stores them, but without asking whether they were purged meanwhile. */
async function fill(first, count) {
  const commands = Array.from({ length: count }, (_, index) => {
    const path = `/small/${first + index}`;
    const page = pageAt(path);
    return `set page:${path} 0 0 ${page.length} noreply\r\n${page}\r\n`;
  });
  memcached.write(`${commands.join('')}version\r\n`);
  await once(memcached, 'data');
}

async function measure(count) {
  const numbers = Array.from({ length: times }, (_, index) => index);
  const miss = await each(numbers, (index) => get(`/small/new/${index}`));
  const paths = Array.from({ length: Math.min(VISITED, count) }, (_, index) => `/small/${(index * 7919) % count}`);
  const before = cpu();
  const hits = await load({ url: site.url, seconds, script: walk(directory, paths) });
  const hitCpu = (cpu() - before) / hits.requests;
  if (hits.failed > 0) throw new Error(`${hits.failed} hits failed`);
  const purge = await each(numbers, (index) => site.nest.purge('purge', `/small/new/${index}`));
  for (const index of numbers) await get(`/small/below/${index}`);
  const start = performance.now();
  await site.nest.purge('purgeUnder', '/small/below');
  const under = performance.now() - start;
  const cells = [count, miss.time, miss.cpu, hits.rate, hitCpu, purge.time, purge.cpu, under];
  console.log(cells.map((value) => value.toFixed(value < 100 ? 1 : 0).padStart(12)).join(''));
}

async function each(numbers, action) {
  const durations = [];
  const before = cpu();
  for (const index of numbers) {
    const start = performance.now();
    await action(index);
    durations.push(performance.now() - start);
  }
  return { time: median(durations), cpu: (cpu() - before) / numbers.length };
}

async function get(path) {
  const response = await fetch(site.url + path);
  if ((await response.text()) !== pageAt(path)) throw new Error(`${path} is another page`);
}

function cpu() {
  return cpuTime(Object.values(site.processes()));
}
