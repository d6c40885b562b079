// Visitors, changes and purges for a long time: does memory grow, do answers get slower, is any page another than it should be?
//
//   npm run build && node bench/endurance.mjs
//
// MINUTES=30 RATE=300 CHANGES=5 PAGES=2000 FLAVOUR=memcached PLATFORM=express are the defaults; RATE is how many requests a second, CHANGES
// how many pages a second are changed and purged. Of 20 requests, one has a session, and one visitor leaves before the answer is there.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { startFlavour } from './contenders/flavours.mjs';
import { cpuTime } from './support/cpu-time.mjs';
import { pageAt, popularity } from './support/pages.mjs';
import { median } from './support/statistics.mjs';

const { env } = process;
const [minutes, rate, changes, pages] = [
  env['MINUTES'] ?? 30,
  env['RATE'] ?? 300,
  env['CHANGES'] ?? 5,
  env['PAGES'] ?? 2000,
].map(Number);
const [flavour, platform] = [env['FLAVOUR'] ?? 'memcached', env['PLATFORM'] ?? 'express'];
/** How often it is looked at what is due, in milliseconds. */
const TICK = 10;
const SAMPLES = 12;

const directory = mkdtempSync(join(tmpdir(), 'endurance-'));
chmodSync(directory, 0o777);
const site = await startFlavour(flavour, {
  directory,
  platform,
  work: 20,
  more: { anonymousOnly: { sessionCookies: ['session'] } },
  change: (conf) => conf.replace(/^ *access_log [^;]+;/m, 'access_log off;'),
});
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const order = popularity(pages, 100_000);
/** The version of a page that nobody may be behind any more: its purge is over. */
const purged = new Map();
const total = { wrong: 0, old: 0, failed: 0 };
let minute = emptyMinute();
let [asked, changed] = [0, 0];

console.log(
  `${flavour}, ${platform}: ${rate} requests and ${changes} changes a second, ${pages} pages, ${minutes} minutes`,
);
console.log(
  'minute  answers  hits %   median      99 %   longest ms   heap   node  nginx  memcached MB   CPU us  wrong  old  failed   load',
);
const start = performance.now();
const memory = [];
const interval = setInterval(() => {
  const seconds = (performance.now() - start) / 1000;
  for (; asked < seconds * rate; asked += 1) void visit(asked);
  for (; changed < seconds * changes; changed += 1) void change(changed);
}, TICK);
for (let number = 1; number <= minutes; number += 1) {
  const before = cpuTime(Object.values(site.processes()));
  const heaps = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    await new Promise((resolve) => setTimeout(resolve, 60_000 / SAMPLES));
    heaps.push((await site.nest.stats()).memory.heapUsed);
  }
  report(number, heaps, cpuTime(Object.values(site.processes())) - before);
}
clearInterval(interval);
verdict();
agent.destroy();
await site.stop();
rmSync(directory, { recursive: true });

function emptyMinute() {
  return { answers: 0, hits: 0, times: [] };
}

/** What a visitor gets must be the page, and no version of it that had been purged when he asked. */
async function visit(number) {
  const path = `/post/${order[number % order.length]}`;
  const oldest = purged.get(path) ?? 0;
  const begin = performance.now();
  const headers = { 'accept-encoding': 'gzip', ...(number % 20 === 7 && { cookie: 'session=1' }) };
  try {
    const request = get(site.url + path, { agent, headers });
    if (number % 20 === 13) {
      request.on('error', () => {});
      setTimeout(() => request.destroy(), 5);
      return;
    }
    const response = await new Promise((resolve, reject) => request.on('response', resolve).on('error', reject));
    const isPacked = response.headers['content-encoding'] === 'gzip';
    const page = await text(isPacked ? response.pipe(createGunzip()) : response);
    minute.times.push(performance.now() - begin);
    minute.answers += 1;
    if (response.headers['cache-status'] === 'nginx; hit') minute.hits += 1;
    const version = Number(/, version (\d+)</.exec(page)?.[1]);
    if (response.statusCode !== 200 || page !== pageAt(path, version)) total.wrong += 1;
    else if (version < oldest) total.old += 1;
  } catch (error) {
    total.failed += 1;
    console.log(`${path}: ${error.message}`);
  }
}

async function change(number) {
  const path = `/post/${order[(number * 31) % order.length]}`;
  try {
    const { version } = await site.nest.edit(path);
    purged.set(path, Math.max(version, purged.get(path) ?? 0));
  } catch (error) {
    // It is tried again by itself, and pages may be old until then.
    total.failed += 1;
    console.log(`${path}: ${error.message}`);
  }
}

function report(number, heaps, cpu) {
  const { answers, hits, times } = minute;
  minute = emptyMinute();
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  // What is left after a collection.
  const taken = {
    heap: Math.min(...heaps),
    node: resident(site.nest.pid),
    nginx: nginxResident(),
    memcached: resident(site.memcached?.pid),
  };
  memory.push(taken);
  const megabytes = Object.values(taken).map((bytes) => (bytes / 1e6).toFixed(1).padStart(7));
  const cells = [
    String(number).padStart(6),
    String(answers).padStart(9),
    ((100 * hits) / answers).toFixed(1).padStart(8),
    ...[at(0.5), at(0.99), at(1)].map((time) => time.toFixed(1).padStart(10)),
    ...megabytes,
    (cpu / answers).toFixed(0).padStart(12),
    ...Object.values(total).map((count) => String(count).padStart(6)),
    loadavg()[0].toFixed(1).padStart(7),
  ];
  console.log(cells.join(''));
}

/** Memory is flat when the last third of the time is like the second: the first fills what is to be filled. */
function verdict() {
  const third = Math.floor(memory.length / 3);
  if (third === 0) return;
  for (const what of Object.keys(memory[0])) {
    const [second, last] = [memory.slice(third, 2 * third), memory.slice(-third)].map((part) =>
      median(part.map((one) => one[what])),
    );
    console.log(
      `${what}: ${(second / 1e6).toFixed(1)} MB in the second third, ${(last / 1e6).toFixed(1)} MB in the last`,
    );
  }
}

function resident(pid) {
  if (pid === undefined) return 0;
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}

function nginxResident() {
  const children = readFileSync(`/proc/${site.nginx.pid}/task/${site.nginx.pid}/children`, 'utf8').trim().split(' ');
  return children.reduce((sum, pid) => sum + resident(Number(pid)), 0);
}
