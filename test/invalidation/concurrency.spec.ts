import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { generator } from './support/random.js';
import { PATHS, PURGES, THINGS, VersionedSite } from './support/versioned-site.js';

/** The full run: REQUESTS=200000 npm test -- test/invalidation/concurrency.spec.ts */
const REQUESTS = Number(process.env['REQUESTS'] ?? 20_000);
/** Without it: on a busy machine fewer requests must do. */
const DURATION = process.env['REQUESTS'] ? Infinity : 20_000;
const SEED = Number(process.env['SEED'] ?? 1);
const PROCESSES = 3;
const CLIENTS = 24;
const WRITERS = 3;
/** In-flight stores settle, in milliseconds: a page may be there between being stored and being checked, on a busy machine too. */
const SETTLE = 1000;

describe(`${PROCESSES} processes, nginx, memcached, ${REQUESTS} requests, seed ${SEED}`, () => {
  it('nobody gets an older page than a resolved purge has promised', { timeout: 1_800_000 }, async () => {
    await using site = await VersionedSite.start(PROCESSES, SEED);
    const random = generator(SEED);
    /** The version that each thing must have for a request that begins now. */
    const promised = new Array<number>(THINGS).fill(0);
    const stale: string[] = [];
    const purges = Object.fromEntries(PURGES.map((purge) => [purge, 0]));
    let [requests, hits, running] = [0, 0, true];
    const end = Date.now() + DURATION;

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
    await delay(SETTLE);
    for (const path of PATHS) {
      for (const [thing, version] of (await site.visit(path)).things) {
        if (version !== site.versions[thing]) stale.push(`at the end, ${path}: ${thing} is ${version}`);
      }
    }

    const counts = await site.processes.all<{ renders: number; stored: number }>({ kind: 'counts' });
    console.log(JSON.stringify({ requests, hits, purges, counts, stale: stale.length }));
    expect(stale).toEqual([]);
    // Otherwise it has shown nothing.
    expect(hits).toBeGreaterThan(requests / 4);
    for (const { renders, stored } of counts) {
      expect(stored).toBeGreaterThan(50);
      expect(renders).toBeGreaterThan(stored);
    }
    for (const count of Object.values(purges)) expect(count).toBeGreaterThan(0);
  });
});
