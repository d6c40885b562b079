import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { generator, SEED } from '../support/random.js';
import { PATHS, PURGES, THINGS, VersionedSite } from './support/versioned-site.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 1);
/** A page that a stopped server stores late goes by itself, in milliseconds: within 3 s, by a clock that ticks once a second. */
const LATE = 4500;

it('with memcached stopped, killed and brought back, nothing stale is left', async () => {
  await using site = await VersionedSite.start(3, SEED);
  const random = generator();
  const failures: string[] = [];
  let [running, incomplete, complete, visits] = [true, 0, 0, 0];
  const write = async () => {
    while (running) {
      const thing = Math.floor(random() * THINGS);
      const purge = PURGES[Math.floor(random() * PURGES.length)]!;
      const { pending } = await site.change(thing, Math.floor(random() * site.processes.count), purge);
      if (pending) incomplete += 1;
      else complete += 1;
      if (pending && pending.length === 0) failures.push(`${purge}: names nothing`);
      await delay(random() * 100);
    }
  };
  const visit = async () => {
    while (running) {
      visits += 1;
      await site.visit(PATHS[Math.floor(random() * PATHS.length)]!).catch((error: unknown) => {
        failures.push(String(error));
      });
      await delay(random() * 20);
    }
  };
  const work = [...Array.from({ length: 3 }, write), ...Array.from({ length: 12 }, visit)];
  for (let round = 1; ; round += 1) {
    await site.memcached.kill();
    await delay(700);
    await site.memcached.restart();
    await delay(1500);
    site.memcached.pause();
    await delay(1500);
    if (round === ROUNDS) break;
    site.memcached.resume();
    await delay(300);
  }
  // Nobody purges these pages again.
  running = false;
  await Promise.all(work);
  site.memcached.resume();
  const pending = async () => (await site.processes.all<number>({ kind: 'pending' })).reduce((a, b) => a + b, 0);
  await expect.poll(pending).toBe(0);
  await delay(LATE);

  const stale: string[] = [];
  for (const path of PATHS) {
    for (const [thing, version] of (await site.visit(path)).things) {
      if (version !== site.versions[thing]) stale.push(`${path}: ${thing} is ${version}, not ${site.versions[thing]}`);
    }
  }
  process.stdout.write(`${JSON.stringify({ visits, complete, incomplete, stale: stale.length })}\n`);
  expect(failures).toEqual([]);
  expect(stale).toEqual([]);
  expect(incomplete).toBeGreaterThan(0);
  expect(complete).toBeGreaterThan(0);
});
