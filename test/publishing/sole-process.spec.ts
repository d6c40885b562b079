import { lutimesSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SoleProcess } from '../../lib/publishing/sole-process.js';
import { FileLeases } from '../../lib/stores/files/file-leases.js';
import type { PageStorage } from '../../lib/stores/page-storage.js';

describe('of several processes that share a store', () => {
  let site: string;
  let leases: FileLeases[];
  let one: SoleProcess;
  let other: SoleProcess;

  beforeEach(() => {
    site = mkdtempSync(join(tmpdir(), 'sole-'));
    leases = [new FileLeases(site), new FileLeases(site)];
    [one, other] = leases.map(
      (of) =>
        new SoleProcess({ lease: async (key, silent) => of.take(key, silent) } as Pick<PageStorage, 'lease'>, 'task'),
    ) as [SoleProcess, SoleProcess];
  });
  afterEach(async () => {
    for (const of of leases) await of.close();
    rmSync(site, { recursive: true });
  });

  it('one has the right, until it gives it up', async () => {
    expect([await one.isThis(), await other.isThis(), await one.isThis()]).toEqual([true, false, true]);
    one.giveUp();
    expect([await other.isThis(), await one.isThis()]).toEqual([true, false]);
  });

  it('one that was stopped for long loses the right, and notices it', async () => {
    expect(await one.isThis()).toBe(true);
    const [name] = readdirSync(join(site, 'leases'));
    lutimesSync(join(site, 'leases', name!), 0, 0);
    // Before it renews the lease, which happens several times a second.
    expect(leases[1]!.take('task', undefined).kind).toBe('granted');
    await expect.poll(() => one.isThis()).toBe(false);
  });
});
