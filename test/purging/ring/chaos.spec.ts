import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { MemcachedServer } from '../../../lib/testing/index.js';
import { generator, SEED } from '../../support/random.js';
import { PATHS, PURGES, THINGS, VersionedSite } from '../support/versioned-site.js';
import { VersionPromises } from '../support/version-promises.js';

/** The full run: SECONDS=120 npm test -- test/purging/ring/chaos.spec.ts */
const SECONDS = Number(process.env['SECONDS'] ?? 4);
const PROCESSES = 3;
const CLIENTS = 12;
const WRITERS = 2;
/** How long after a purge a request may still get an older page, in milliseconds: a process may stop between two steps of storing it. */
const SETTLE = 3000;

/** What happens to the servers, in turns: one at a time is away. */
const FATES: Readonly<
  Record<string, (site: VersionedSite, server: MemcachedServer, pause: () => Promise<void>) => Promise<void>>
> = {
  killed: async (_, server, pause) => {
    await server.kill();
    await pause();
    await server.restart();
  },
  stopped: async (_, server, pause) => {
    server.pause();
    await pause();
    server.resume();
  },
  'cut off': async ({ relay }, _, pause) => {
    await relay!.cut();
    await pause();
    await relay!.heal();
  },
  flushed: async (_, server, pause) => {
    await server.flush();
    await pause();
  },
  removed: async (site, server, pause) => {
    await site.use(site.servers.filter((one) => one !== server));
    await pause();
    await site.use(site.servers);
    await pause();
  },
};

it(
  `servers are ${Object.keys(FATES).join(', ')} while ${PROCESSES} processes purge: no request fails, no page is stale, and hits come back`,
  async () => {
    await using site = await VersionedSite.start(PROCESSES, SEED, { memcacheds: 3 });
    const random = generator();
    const promises = new VersionPromises(THINGS);
    const stale: string[] = [];
    const purges = Object.fromEntries(PURGES.map((purge) => [purge, 0]));
    const fates: Record<string, number> = {};
    let [requests, hits, pending, late, running] = [0, 0, 0, 0, true];
    const end = Date.now() + SECONDS * 1000;

    const write = async () => {
      while (running) {
        const thing = Math.floor(random() * THINGS);
        const purge = PURGES[Math.floor(random() * PURGES.length)]!;
        const answer = await site.change(thing, Math.floor(random() * PROCESSES), purge);
        purges[purge]! += 1;
        // A purge that has not reached every server promises nothing yet.
        if (answer.pending) pending += 1;
        else promises.keep(thing, answer.version);
        await delay(random() * 200);
      }
    };
    const visit = async () => {
      while (running) {
        requests += 1;
        const path = random() < 0.1 ? '/home' : PATHS[Math.floor(random() * PATHS.length)]!;
        const start = performance.now();
        const { hit, things } = await site.visit(path);
        if (hit) hits += 1;
        expect(things.length).toBeGreaterThan(0);
        for (const [thing, version] of things) {
          const after = start - promises.brokenSince(thing, version, start);
          late = Math.max(late, after);
          if (after > SETTLE) stale.push(`${path}: ${thing} is ${version}, ${after} ms after a purge`);
        }
        await delay(random() * 20);
      }
    };
    const attack = async () => {
      const names = Object.keys(FATES);
      for (let turn = 0; Date.now() < end || turn < names.length; turn += 1) {
        const name = turn < names.length ? names[turn]! : names[Math.floor(random() * names.length)]!;
        const server = site.servers[Math.floor(random() * site.servers.length)]!;
        await FATES[name]!(site, server, () => delay(300 + random() * 2000));
        fates[name] = (fates[name] ?? 0) + 1;
        await delay(random() * 1000);
      }
    };

    const running_ = [...Array.from({ length: WRITERS }, write), ...Array.from({ length: CLIENTS }, visit)];
    try {
      await Promise.race([attack(), Promise.all(running_)]);
    } finally {
      running = false;
      await Promise.allSettled(running_);
    }
    await Promise.all(running_);
    await expect.poll(() => site.processes.all({ kind: 'pending' }), { timeout: 60_000 }).toEqual([0, 0, 0]);
    // What was stored without a confirmation goes by itself.
    await delay(SETTLE);
    for (const path of PATHS) {
      for (const [thing, version] of (await site.visit(path)).things) {
        if (version !== site.versions[thing]) stale.push(`at the end, ${path}: ${thing} is ${version}`);
      }
    }
    process.stdout.write(`${JSON.stringify({ requests, hits, purges, pending, fates, stale: stale.length, late })}\n`);
    expect(stale).toEqual([]);
    expect(hits).toBeGreaterThan(0);
    const start = Date.now();
    for (const path of PATHS)
      await expect.poll(async () => (await site.visit(path)).hit, { timeout: 60_000 }).toBe(true);
    process.stdout.write(`all pages are hits again after ${Date.now() - start} ms\n`);
  },
  120_000 + 2000 * SECONDS,
);
