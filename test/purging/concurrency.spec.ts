import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MemcachedClient } from '../../lib/stores/memcached/memcached-client.js';
import { generator, SEED } from '../support/random.js';
import { PATHS, PURGES, THINGS, VersionedSite, type VersionedSiteOptions } from './support/versioned-site.js';

/** The full run: REQUESTS=200000 npm test -- test/purging/concurrency.spec.ts */
const REQUESTS = Number(process.env['REQUESTS'] ?? 20_000);
/** Without it, on a busy machine, fewer requests must do. */
const IS_FULL = process.env['REQUESTS'] !== undefined;

const PROCESSES = 3;
const CLIENTS = 24;
const WRITERS = 3;
/** A page that memcached has stored may be served until it has been checked; unchecked, it lives up to three seconds. In milliseconds. */
const MEMCACHED_SETTLE = 3000;

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

describe.each([
  { pages: 'in memcached', seconds: 10, settle: MEMCACHED_SETTLE },
  {
    pages: 'in memcached that drops them all the time',
    args: ['-m', '8'] as string[],
    seconds: 6,
    filled: true,
    settle: MEMCACHED_SETTLE,
  },
  { pages: 'in files', store: 'files', seconds: 6, settle: 0 },
  { pages: 'in files, with a ttl', store: 'files', ttl: 300_000, seconds: 6, settle: 0 },
] as const)(
  `${PROCESSES} processes, nginx, ${REQUESTS} requests, pages $pages`,
  (setup: VersionedSiteOptions & { seconds: number; filled?: true; settle: number }) => {
    it('nobody gets an older page than a resolved purge has promised', { timeout: 1_800_000 }, async () => {
      const { seconds, filled, settle } = setup;
      await using site = await VersionedSite.start(PROCESSES, SEED, setup);
      const random = generator();
      const stopFilling = filled ? fill(site.memcached.address, random) : async () => {};
      /** Of each thing, when the purge of each version resolved. */
      const resolved = Array.from({ length: THINGS }, () => [] as { version: number; at: number }[]);
      const stale: string[] = [];
      /** How long after its purge had resolved an older page was still served, at most. */
      let latest = 0;
      const purges = Object.fromEntries(PURGES.map((purge) => [purge, 0]));
      let [requests, hits, running] = [0, 0, true];
      const end = performance.now() + seconds * 1000;
      const counts = () => site.processes.all<{ renders: number; stored: number }>({ kind: 'counts' });
      // On a busy machine it takes longer, and shows the same.
      const isEnough = async () =>
        performance.now() > end &&
        Object.values(purges).every((count) => count > 0) &&
        hits > requests / 10 &&
        (await counts()).every(({ renders, stored }) => stored > 50 && renders > stored);
      const watch = async () => {
        while (running) {
          await delay(200);
          if (requests >= REQUESTS || (!IS_FULL && (await isEnough()))) running = false;
        }
      };

      const write = async () => {
        while (running) {
          const thing = Math.floor(random() * THINGS);
          const purge = PURGES[Math.floor(random() * PURGES.length)]!;
          const answer = await site.change(thing, Math.floor(random() * PROCESSES), purge);
          expect(answer.pending).toBeUndefined();
          purges[purge]! += 1;
          resolved[thing]!.push({ version: answer.version, at: performance.now() });
          await delay(random() * 200);
        }
      };
      const visit = async () => {
        while (running) {
          requests += 1;
          const path = random() < 0.1 ? '/home' : PATHS[Math.floor(random() * PATHS.length)]!;
          const begun = performance.now();
          const { hit, things } = await site.visit(path);
          if (hit) hits += 1;
          expect(things.length).toBeGreaterThan(0);
          for (const [thing, version] of things) {
            const newer = resolved[thing]!.find((one) => one.version > version && one.at < begun);
            if (!newer) continue;
            const late = begun - newer.at;
            latest = Math.max(latest, late);
            if (late > settle)
              stale.push(`${path}: ${thing} is ${version}, not ${newer.version}, ${late.toFixed()} ms later`);
          }
          await delay(random() * 20);
        }
      };

      const writers = Array.from({ length: WRITERS }, write);
      await Promise.all([watch(), ...Array.from({ length: CLIENTS }, visit), ...writers]);
      await stopFilling();
      // What was stored and not checked, if a process was stopped just then, is gone by now.
      await delay(settle);
      for (const path of PATHS) {
        for (const [thing, version] of (await site.visit(path)).things) {
          if (version !== site.versions[thing]) stale.push(`at the end, ${path}: ${thing} is ${version}`);
        }
      }

      process.stdout.write(
        `${JSON.stringify({ requests, hits, purges, counts: await counts(), stale: stale.length, settle: `${latest.toFixed(1)} ms` })}\n`,
      );
      expect(stale).toEqual([]);
      const evictions = Number(/STAT evictions (\d+)/.exec(await site.memcached.send('stats'))?.[1]);
      if (filled) expect(evictions).toBeGreaterThan(1000);
    });
  },
);
