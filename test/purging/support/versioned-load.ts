import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { VersionPromises } from './version-promises.js';
import { PATHS, type Purge, PURGES, THINGS, type VersionedSite } from './versioned-site.js';

/** What the load of a site is. */
interface Load {
  readonly random: () => number;
  /** How long after a purge a request may still get an older page, in milliseconds. */
  readonly settle: number;
  readonly purges?: readonly Purge[];
}

/** Who changes things, and who visits their pages: at random, and with an eye on what was promised. */
export class VersionedLoad {
  requests = 0;
  hits = 0;
  copies = 0;
  /** How many purges have not reached every server. */
  pending = 0;
  /** The longest time after a purge at which a request began that still got an older page: the smallest `settle` that holds. */
  late = 0;
  readonly stale: string[] = [];
  readonly purges: Readonly<Record<string, number>>;
  readonly #counts: Record<string, number>;
  readonly #promises = new VersionPromises(THINGS);

  constructor(
    private readonly site: VersionedSite,
    private readonly load: Load,
  ) {
    this.purges = this.#counts = Object.fromEntries((load.purges ?? PURGES).map((purge) => [purge, 0]));
  }

  /** One who changes things and has a process purge their pages. */
  async write(goesOn: () => boolean): Promise<void> {
    const { random, purges = PURGES } = this.load;
    while (goesOn()) {
      const thing = Math.floor(random() * THINGS);
      const purge = purges[Math.floor(random() * purges.length)]!;
      const answer = await this.site.change(thing, Math.floor(random() * this.site.processes.count), purge);
      this.#counts[purge]! += 1;
      // A purge that has not reached every server promises nothing yet.
      if (answer.pending) this.pending += 1;
      else this.#promises.keep(thing, answer.version);
      await delay(random() * 200);
    }
  }

  /** One who looks at one page after the other. */
  async visit(goesOn: () => boolean): Promise<void> {
    const { random, settle } = this.load;
    while (goesOn()) {
      this.requests += 1;
      const path = random() < 0.1 ? '/home' : PATHS[Math.floor(random() * PATHS.length)]!;
      const start = performance.now();
      const { hit, copy, hasFailed, things } = await this.site.visit(path);
      if (hit) this.hits += 1;
      if (copy) this.copies += 1;
      expect(things.length > 0).toBe(!hasFailed);
      for (const [thing, version] of things) {
        const after = start - this.#promises.brokenSince(thing, version, start);
        this.late = Math.max(this.late, after);
        if (after > settle) this.stale.push(`${path}: ${thing} is ${version}, ${after} ms after a purge`);
      }
      await delay(random() * 20);
    }
  }

  /**
   * When nobody writes any more: waits for all purges, and looks at every page.
   *
   * @param settled until what was stored without a confirmation has gone by itself, in milliseconds
   */
  async end(settled: number): Promise<void> {
    const { processes, versions } = this.site;
    const none = Array.from({ length: processes.count }, () => 0);
    await expect.poll(() => processes.all({ kind: 'pending' })).toEqual(none);
    await delay(settled);
    for (const path of PATHS) {
      for (const [thing, version] of (await this.site.visit(path)).things) {
        if (version !== versions[thing]) this.stale.push(`at the end, ${path}: ${thing} is ${version}`);
      }
    }
  }
}
