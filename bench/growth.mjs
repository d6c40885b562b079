// What a miss, a hit and a purge cost while memcached has few, many and very many pages of 1 KB.
//
//   npm run build && node bench/growth.mjs
//
// COUNTS=100,10000,1000000 TIMES=200 SECONDS=2 are the defaults; TIMES is how many misses and purges are measured each time.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFlavour } from './contenders/flavours.mjs';
import { oneWorker } from './contenders/nginx.mjs';
import { cpuTime } from './support/cpu-time.mjs';
import { load, walk } from './support/load.mjs';
import { pageAt } from './support/pages.mjs';
import { median } from './support/statistics.mjs';
import { bodyFormat } from '../dist/page/body-format.js';
import { memcachedStore } from '../dist/index.js';

const { env } = process;
const [times, seconds] = [env['TIMES'] ?? 200, env['SECONDS'] ?? 2].map(Number);
const counts = (env['COUNTS'] ?? '100,10000,1000000').split(',').map(Number);
/** Of the stored pages, so many are asked for. */
const VISITED = 10_000;
const HEADERS = [['Content-Type', 'text/html; charset=utf-8']];

const directory = mkdtempSync(join(tmpdir(), 'growth-'));
chmodSync(directory, 0o777);
const site = await startFlavour('memcached', { directory, change: oneWorker });
const store = memcachedStore({ servers: site.memcached.address }).open({
  format: bodyFormat(HEADERS),
  prefix: 'page:',
  maxPageBytes: 1e6,
});
await store.journal.look();

console.log(
  `medians of ${times}, in milliseconds; CPU in microseconds for each, of all processes; hits of ${seconds} s\n`,
);
const COLUMNS = ['pages', 'miss ms', 'CPU', 'hits/s', 'CPU', 'purge() ms', 'CPU', `purgeUnder() of ${times} ms`];
console.log(COLUMNS.map((name) => name.padStart(12)).join(''));
try {
  let stored = 0;
  for (const count of counts) {
    for (; stored < count; stored += 1000) await fill(stored, Math.min(1000, count - stored));
    stored = count;
    await measure(count);
  }
} finally {
  await store.keyv.disconnect();
  await site.stop();
  rmSync(directory, { recursive: true });
}

async function fill(first, count) {
  const arrival = { position: store.journal.window.position, time: Date.now() };
  const results = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const path = `/small/${first + index}`;
      const address = { key: `page:${path}`, path, target: path, host: undefined, variants: {} };
      const write = await store.begin(address, { arrival, renews: false });
      return write.commit({ status: 200, headers: HEADERS, body: Buffer.from(pageAt(path)) }, 0);
    }),
  );
  const refused = results.find((result) => !result.stored);
  if (refused) throw new Error(`not stored: ${refused.reason}`);
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
