import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { MemcachedServer } from '../../../lib/testing/index.js';
import { generator, SEED } from '../../support/random.js';
import { VersionedLoad } from '../support/versioned-load.js';
import { PATHS, VersionedSite } from '../support/versioned-site.js';

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
    const load = new VersionedLoad(site, { random, settle: SETTLE });
    const fates: Record<string, number> = {};
    let isRunning = true;
    const goesOn = () => isRunning;
    const end = Date.now() + SECONDS * 1000;

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

    const work = [
      ...Array.from({ length: WRITERS }, () => load.write(goesOn)),
      ...Array.from({ length: CLIENTS }, () => load.visit(goesOn)),
    ];
    try {
      await Promise.race([attack(), Promise.all(work)]);
    } finally {
      isRunning = false;
      await Promise.allSettled(work);
    }
    await Promise.all(work);
    await load.end(SETTLE);
    const { requests, hits, purges, pending, stale, late } = load;
    process.stdout.write(`${JSON.stringify({ requests, hits, purges, pending, fates, stale: stale.length, late })}\n`);
    expect(stale).toEqual([]);
    expect(hits).toBeGreaterThan(0);
    const start = Date.now();
    for (const path of PATHS) await expect.poll(async () => (await site.visit(path)).hit).toBe(true);
    process.stdout.write(`all pages are hits again after ${Date.now() - start} ms\n`);
  },
  120_000 + 2000 * SECONDS,
);
