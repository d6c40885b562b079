// Whether visitors wait for pages that are read, with refreshAhead and a short ttl: 2,000 pages, asked for as visitors do (Zipf's law).
//
//   npx tsc -p tsconfig.build.json && node bench/refresh-ahead.mjs
//
// RATE=80 PAGES=2000 TTL=5000 INACTIVE=60000 AHEAD=500 SECONDS=180 WORK=20 FLAVOUR=memcached PLATFORM=fastify are the defaults: RATE visitors come each
// second, a page is made in WORK milliseconds, and AHEAD is the `rate` of refreshAhead. The first minute does not count. A page that nobody reads ends, so its next visitor has to wait, and so has the one
// after that if he comes later than the ttl: only from then on is it known to be read. All others are counted as waiting in vain.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startFlavour } from './contenders/flavours.mjs';
import { popularity } from './support/pages.mjs';

const { env } = process;
const setting = (name, otherwise) => Number(env[name] ?? otherwise);
const [rate, pages, ttl, inactive] = [
  setting('RATE', 80),
  setting('PAGES', 2000),
  setting('TTL', 5000),
  setting('INACTIVE', 60_000),
];
const ahead = setting('AHEAD', 500);
const [seconds, work] = [setting('SECONDS', 180), setting('WORK', 20)];
const [flavour, platform] = [env.FLAVOUR ?? 'memcached', env.PLATFORM ?? 'fastify'];
const WARM = 60_000;

const directory = mkdtempSync(join(tmpdir(), 'refresh-ahead-'));
chmodSync(directory, 0o777);
const site = await startFlavour(flavour, {
  directory,
  platform,
  work,
  more: { ttl, refreshAhead: { inactive, rate: ahead } },
});
const counts = { visitors: 0, hits: 0, unread: 0, inVain: 0 };
const reasons = new Map();
/** Of each page: when it was asked for last, and before that. */
const visits = new Map();
try {
  console.log(
    `${flavour}, ${platform}; ${rate} visitors/s on ${pages} pages, ttl ${ttl} ms, inactive ${inactive} ms, ${ahead} pages/s ahead; load ${loadavg()[0]}`,
  );
  const start = performance.now();
  const open = new Set();
  let before;
  for (const number of popularity(pages, Math.floor(rate * seconds))) {
    const now = performance.now();
    if (!before && now - start > WARM) before = await site.nest.stats();
    if (now - start > seconds * 1000) break;
    const one = visit(number, now, Boolean(before));
    open.add(one);
    void one.finally(() => open.delete(one));
    await delay((-Math.log(1 - Math.random()) * 1000) / rate);
  }
  await Promise.all(open);
  const after = await site.nest.stats();
  console.log(
    `load ${loadavg()[0]}`,
    counts,
    `${after.renders - before.renders} renderings, ${(after.memory.heapUsed / 1e6).toFixed(1)} MB of heap`,
  );
  for (const [reason, count] of [...reasons].sort((a, b) => b[1] - a[1])) console.log(`  ${count} x ${reason}`);
  const left = async () => (await site.memcached?.keys())?.filter((key) => key.startsWith('page:')).length;
  await delay(ttl + 1000);
  const known = Array.from(visits.values(), ([last]) => performance.now() - last);
  console.log(
    `${ttl + 1000} ms later: ${await left()} pages are there; ${known.filter((age) => age < inactive + ttl).length} were read within inactive and a ttl`,
  );
  await delay(inactive + 3 * ttl);
  console.log(`${inactive + 3 * ttl} ms later: ${await left()}`);
} finally {
  await site.stop();
  rmSync(directory, { recursive: true });
}

async function visit(number, now, counts_) {
  const [last, before] = visits.get(number) ?? [];
  visits.set(number, [now, last]);
  const response = await fetch(`${site.url}/post/${number}`);
  await response.arrayBuffer();
  if (!counts_) return;
  counts.visitors += 1;
  const status = response.headers.get('cache-status') ?? String(response.status);
  if (status.startsWith('nginx; hit')) {
    counts.hits += 1;
    return;
  }
  const patience = inactive - ttl;
  const isNew = last === undefined || now - last > patience || before === undefined || last - before > patience;
  if (isNew) counts.unread += 1;
  else {
    counts.inVain += 1;
    const reason = `${status.replace(/ttl=\S+/, 'ttl')}, ${Math.round((now - last) / ttl)} ttl after the visitor before`;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
}
