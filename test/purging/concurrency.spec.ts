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
/** In-flight stores settle, in milliseconds: a page may be there between being stored and being checked, on a busy machine too. */
const SETTLE = 1000;

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
  { pages: 'in memcached', seconds: 10 },
  { pages: 'in memcached that drops them all the time', args: ['-m', '8'] as string[], seconds: 6, filled: true },
  { pages: 'in files', store: 'files', seconds: 6 },
  { pages: 'in files, with a ttl', store: 'files', ttl: 300_000, seconds: 6 },
] as const)(
  `${PROCESSES} processes, nginx, ${REQUESTS} requests, pages $pages`,
  (setup: VersionedSiteOptions & { seconds: number; filled?: true }) => {
    it('nobody gets an older page than a resolved purge has promised', { timeout: 1_800_000 }, async () => {
      const { seconds, filled } = setup;
      await using site = await VersionedSite.start(PROCESSES, SEED, setup);
      const random = generator();
      const stopFilling = filled ? fill(site.memcached.address, random) : async () => {};
      /** The version that each thing must have for a request that begins now. */
      const promised = Array.from({ length: THINGS }, () => 0);
      const stale: string[] = [];
      const purges = Object.fromEntries(PURGES.map((purge) => [purge, 0]));
      let [requests, hits, running] = [0, 0, true];
      const end = IS_FULL ? Infinity : Date.now() + seconds * 1000;

      const write = async () => {
        while (running) {
          const thing = Math.floor(random() * THINGS);
          const purge = PURGES[Math.floor(random() * PURGES.length)]!;
          const answer = await site.change(thing, Math.floor(random() * PROCESSES), purge);
          expect(answer.pending).toBeUndefined();
          purges[purge]! += 1;
          setTimeout(() => (promised[thing] = Math.max(promised[thing]!, answer.version)), SETTLE);
          await delay(random() * 200);
        }
      };
      const visit = async () => {
        while (requests < REQUESTS && Date.now() < end) {
          requests += 1;
          const path = random() < 0.1 ? '/home' : PATHS[Math.floor(random() * PATHS.length)]!;
          const expected = promised.slice();
          const { hit, things } = await site.visit(path);
          if (hit) hits += 1;
          expect(things.length).toBeGreaterThan(0);
          for (const [thing, version] of things) {
            if (version < expected[thing]!) stale.push(`${path}: ${thing} is ${version}, not ${expected[thing]}`);
          }
          await delay(random() * 20);
        }
      };

      const writers = Array.from({ length: WRITERS }, write);
      await Promise.all(Array.from({ length: CLIENTS }, visit));
      running = false;
      await Promise.all(writers);
      await stopFilling();
      await delay(SETTLE);
      for (const path of PATHS) {
        for (const [thing, version] of (await site.visit(path)).things) {
          if (version !== site.versions[thing]) stale.push(`at the end, ${path}: ${thing} is ${version}`);
        }
      }

      const counts = await site.processes.all<{ renders: number; stored: number }>({ kind: 'counts' });
      process.stdout.write(`${JSON.stringify({ requests, hits, purges, counts, stale: stale.length })}\n`);
      expect(stale).toEqual([]);
      // Otherwise it has shown nothing.
      expect(hits).toBeGreaterThan(requests / 10);
      const evictions = Number(/STAT evictions (\d+)/.exec(await site.memcached.send('stats'))?.[1]);
      if (filled) expect(evictions).toBeGreaterThan(1000);
      for (const { renders, stored } of counts) {
        expect(stored).toBeGreaterThan(50);
        expect(renders).toBeGreaterThan(stored);
      }
      for (const count of Object.values(purges)) expect(count).toBeGreaterThan(0);
    });
  },
);
