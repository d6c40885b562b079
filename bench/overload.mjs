// What happens when more visitors ask for one page at the same moment than nginx, memcached and Node like: how many of them does the
// application answer, how many pages does it render, what goes wrong, how long does it take. Once with memcached stopped in the middle.
//
//   npm run build && node bench/overload.mjs
//
// VISITORS=2000,5000 SECONDS=60 FLAVOUR=memcached PLATFORM=express WORK=50 are the defaults; WORK is how many milliseconds a page is made.
// Each visitor is a connection, which asks again as soon as it has an answer. Raise the limit of open files first (ulimit -n 20000).
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startFlavour } from './contenders/flavours.mjs';
import { fillAndCheck } from './support/check.mjs';
import { cpuTime } from './support/cpu-time.mjs';
import { load, percentiles } from './support/load.mjs';

const { env } = process;
const [seconds, work] = [env['SECONDS'] ?? 60, env['WORK'] ?? 50].map(Number);
const visitors = (env['VISITORS'] ?? '2000,5000').split(',').map(Number);
const [flavour, platform] = [env['FLAVOUR'] ?? 'memcached', env['PLATFORM'] ?? 'express'];
const PAGE = '/size/30';

const directory = mkdtempSync(join(tmpdir(), 'overload-'));
chmodSync(directory, 0o777);
const script = percentiles(directory);
const site = await startFlavour(flavour, {
  directory,
  platform,
  work,
  change: (conf) => conf.replace(/^ *access_log [^;]+;/m, 'access_log off;'),
});
console.log(`${flavour}, ${platform}; pages that take ${work} ms to render; ${seconds} s each\n`);
try {
  await fillAndCheck({ name: flavour, ...site, renders: site.renders }, [PAGE]);
  for (const count of visitors) {
    await report(`${count} visitors`, count, seconds);
    if (!site.memcached) continue;
    await report(
      `${count} visitors, memcached stopped from the first third to the second`,
      count,
      seconds,
      async () => {
        await delay((seconds * 1000) / 3);
        site.memcached.pause();
        await delay((seconds * 1000) / 3);
        site.memcached.resume();
      },
    );
    await report(`10 visitors afterwards`, 10, 3);
  }
} finally {
  await site.stop();
  rmSync(directory, { recursive: true });
}

async function report(title, connections, time, meanwhile = async () => {}) {
  const before = await site.nest.stats();
  const cpu = Object.entries(site.processes()).map(([name, pid]) => [name, pid, cpuTime([pid])]);
  const timeline = setInterval(() => void sample(), 1000);
  const samples = [];
  let last = before;
  const sample = async () => {
    const now = await site.nest.stats();
    samples.push(`${now.requests - last.requests}/${now.renders - last.renders}`);
    last = now;
  };
  const [result] = await Promise.all([
    load({ url: site.url + PAGE, seconds: time, connections, script, threads: 2 }),
    meanwhile(),
  ]);
  clearInterval(timeline);
  const after = await site.nest.stats();
  const [p50, p99, p999, longest] = result.latency.map((value) => value.toFixed(0));
  const used = cpu.map(([name, pid, start]) => `${name} ${((cpuTime([pid]) - start) / result.requests).toFixed(1)}`);
  console.log(`${title}
  ${result.requests} answers, ${result.failed} failed (${result.failures}); ${after.requests - before.requests} by the application, ${after.renders - before.renders} renderings
  ms: median ${p50}, 99 % ${p99}, 99.9 % ${p999}, longest ${longest}; CPU us for an answer: ${used.join(', ')}
  asked of the application/rendered in each second: ${samples.join(' ')}`);
  const log = site.nginx
    .errorLog()
    .replace(/^.*?: \*\d+ /gm, '')
    .replace(/, client: .*$/gm, '');
  const kinds = tally(log.split('\n').filter(Boolean));
  console.log(`  nginx has said so far:\n${kinds.slice(0, 8).join('\n')}`);
}

function tally(lines) {
  const counts = new Map();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => `  ${count} x ${line}`);
}
