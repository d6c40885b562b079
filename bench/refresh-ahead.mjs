// Whether visitors wait for pages that are read, with refreshAhead and a short ttl: 2,000 pages, asked for as visitors do (Zipf's law).
//
//   npx tsc -p tsconfig.build.json && node bench/refresh-ahead.mjs
//
// RATE=80 PAGES=2000 TTL=5000 INACTIVE=60000 AHEAD=500 SECONDS=180 WORK=20 FLAVOUR=memcached PLATFORM=fastify are the defaults: RATE visitors come each
// second, a page is made in WORK milliseconds, and AHEAD is the `rate` of refreshAhead. The first minute does not count. A page that nobody reads ends, so
// its next visitor has to wait, and so has the one after that if he comes later than the ttl: only from then on is it known to be read. A page whose
// first reader comes in the last moments of its life ends, too (`late`): memcached counts whole seconds, and rendering takes time. All others are counted
// as waiting in vain.
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
/** So long before its end a page must be read: memcached may end it a second earlier, and the application looks every half a second. */
const LAST_MOMENTS = 1500;

const directory = mkdtempSync(join(tmpdir(), 'refresh-ahead-'));
chmodSync(directory, 0o777);
const site = await startFlavour(flavour, {
  directory,
  platform,
  work,
  more: { ttl, refreshAhead: { inactive, rate: ahead } },
});
const counts = { visitors: 0, hits: 0, unread: 0, late: 0, inVain: 0 };
const reasons = new Map();
/** The last three visitors of each page, the last one first. */
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
  const known = Array.from(visits.values(), ([last]) => performance.now() - last.at);
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
  const seen = visits.get(number) ?? [];
  const visitor = { at: now, isHit: true };
  visits.set(number, [visitor, ...seen].slice(0, 3));
  const response = await fetch(`${site.url}/post/${number}`);
  await response.arrayBuffer();
  const status = response.headers.get('cache-status') ?? String(response.status);
  visitor.isHit = status.startsWith('nginx; hit');
  if (!counts_) return;
  counts.visitors += 1;
  if (visitor.isHit) {
    counts.hits += 1;
    return;
  }
  const kind = kindOf(now, seen);
  counts[kind] += 1;
  if (kind !== 'inVain') return;
  const ago = seen.map(({ at, isHit }) => `${isHit ? 'hit' : 'miss'} ${((now - at) / 1000).toFixed(1)} s before`);
  const reason = `${status.replace(/ttl=\S+/, 'ttl')}: ${ago.join(', ')}`;
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}

/** Why a visitor had to wait. */
function kindOf(now, [last, before]) {
  const patience = inactive - ttl;
  if (!last || now - last.at > patience || !before || last.at - before.at > patience) return 'unread';
  // The life that the visitor before has begun is a tenth shorter than the ttl, at most.
  const isLate = last.isHit && !before.isHit && last.at - before.at > ttl * 0.9 - LAST_MOMENTS;
  return isLate ? 'late' : 'inVain';
}
