import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MemcachedClient } from '../../lib/stores/memcached/memcached-client.js';
import { generator, SEED } from '../support/random.js';
import { VersionedLoad } from './support/versioned-load.js';
import { PURGES, VersionedSite, type VersionedSiteOptions } from './support/versioned-site.js';

/** The full run: REQUESTS=200000 npm test -- test/purging/concurrency.spec.ts */
const REQUESTS = Number(process.env['REQUESTS'] ?? 20_000);
/** Without it, on a busy machine, fewer requests must do. */
const IS_FULL = process.env['REQUESTS'] !== undefined;
const PROCESSES = 3;
const CLIENTS = 24;
const WRITERS = 3;
/** How much must have happened in each process, or the test has shown nothing. */
const LEAST = { stored: 50, purges: 1, evictions: 1000 };
/** How long after a purge has resolved a request may still get an older page, in milliseconds. */
const settle = (usual: number) => Number(process.env['SETTLE'] ?? usual);

/** Has memcached drop the least recently used items all the time. */
function fill(address: string, random: () => number): () => Promise<void> {
  const client = new MemcachedClient(address);
  const timer = setInterval(() => {
    for (let count = 0; count < 50; count += 1) {
      const bytes = Buffer.alloc(100 + random() * 20_000);
      client.set(`junk:${Math.floor(random() * 1e6)}`, { bytes, flags: 0 }, 0).catch(() => {});
    }
  }, 20);
  return () => {
    clearInterval(timer);
    return client.close();
  };
}

/** Pages end all the time, copies outlive them, and what is read is rendered again before. */
const STALE = { ttl: 1000, stale: { staleWhileRevalidate: 60_000, staleIfError: 60_000, refreshAhead: true } };

interface Setup extends VersionedSiteOptions {
  readonly seconds: number;
  readonly filled?: true;
  readonly usual: number;
}

const SETUPS: readonly (Setup & { readonly pages: string })[] = [
  { pages: 'in memcached', seconds: 10, usual: 3000 },
  { pages: 'in memcached that drops them all the time', args: ['-m', '8'], seconds: 6, filled: true, usual: 3000 },
  { pages: 'in files', store: 'files', seconds: 6, usual: 0 },
  { pages: 'in files, with a ttl', store: 'files', ttl: 300_000, seconds: 6, usual: 0 },
  { pages: 'in memcached, with copies that outlive them', ...STALE, seconds: 6, usual: 3000 },
  {
    pages: 'in files, with copies, while middleware fails',
    store: 'files',
    ...STALE,
    fails: true,
    seconds: 6,
    usual: 0,
  },
];

describe.each(SETUPS)(`${PROCESSES} processes, nginx, ${REQUESTS} requests, pages $pages`, (setup: Setup) => {
  it('nobody gets an older page than a resolved purge has promised', { timeout: 1_800_000 }, async () => {
    const { seconds, filled, usual, stale: copied, fails } = setup;
    // What could not be rendered again stays.
    const how = PURGES.filter((purge) => purge !== 'refresh' || !fails);
    await using site = await VersionedSite.start(PROCESSES, SEED, setup);
    const random = generator();
    const stopFilling = filled ? fill(site.memcached.address, random) : async () => {};
    const load = new VersionedLoad(site, { random, settle: settle(usual), purges: how });
    let [isWriting, isEnough] = [true, false];
    const end = Date.now() + seconds * 1000;
    const visits = () => load.requests < REQUESTS && (IS_FULL || !isEnough || Date.now() < end);

    const evictions = async () => Number(/STAT evictions (\d+)/.exec(await site.memcached.send('stats'))?.[1]);
    const counts = () => site.processes.all<{ renders: number; stored: number; ahead: number }>({ kind: 'counts' });
    const watch = async () => {
      while (!isEnough) {
        await delay(500);
        isEnough =
          (await counts()).every(({ stored }) => stored >= LEAST.stored) &&
          Object.values(load.purges).every((count) => count >= LEAST.purges) &&
          (!filled || (await evictions()) >= LEAST.evictions);
      }
    };

    const writers = Array.from({ length: WRITERS }, () => load.write(() => isWriting));
    const watching = watch();
    await Promise.all(Array.from({ length: CLIENTS }, () => load.visit(visits)));
    isWriting = false;
    await Promise.all(writers);
    await stopFilling();
    await Promise.race([watching, delay(5000)]);
    await load.end(usual);

    const { requests, hits, copies, purges, pending, stale, late } = load;
    const shown = { requests, hits, copies, purges, pending, counts: await counts(), stale: stale.length, late };
    process.stdout.write(`${JSON.stringify(shown)}\n`);
    expect(stale).toEqual([]);
    // Otherwise it has shown nothing.
    expect(isEnough).toBe(true);
    expect(hits + copies).toBeGreaterThan(requests / 10);
    if (copied) {
      expect(copies).toBeGreaterThan(requests / 100);
      expect(shown.counts.some(({ ahead }) => ahead > 0)).toBe(true);
    }
    for (const { renders, stored } of shown.counts) expect(renders).toBeGreaterThan(stored);
  });
});
