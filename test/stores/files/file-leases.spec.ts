import { lutimesSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLeases } from '../../../lib/stores/files/file-leases.js';
import type { LeaseAnswer, RenderLease } from '../../../lib/stores/render-lease.js';

describe('leases in files', () => {
  let site: string;
  let one: FileLeases;
  let other: FileLeases;

  beforeEach(() => {
    site = mkdtempSync(join(tmpdir(), 'leases-'));
    // Those of two processes.
    one = new FileLeases(site);
    other = new FileLeases(site);
  });
  afterEach(async () => {
    await one.close();
    await other.close();
    rmSync(site, { recursive: true, force: true });
  });

  const links = () => readdirSync(join(site, 'leases'));
  /** As if nobody had been heard of for ten seconds. */
  const age = (seconds = 10) => {
    const then = Date.now() / 1000 - seconds;
    for (const name of links()) lutimesSync(join(site, 'leases', name), then, then);
  };
  const granted = (answer: LeaseAnswer): RenderLease => {
    if (answer.kind !== 'granted') throw new Error(`${answer.kind} instead of granted`);
    return answer.lease;
  };
  const beatOf = (answer: LeaseAnswer) => (answer.kind === 'taken' ? answer.beat : undefined);

  it('are given to one, and to the next when he has released it', () => {
    const lease = granted(one.take('/a', undefined));
    expect(other.take('/a', undefined).kind).toBe('taken');
    expect(one.take('/a', undefined).kind).toBe('taken');
    granted(other.take('/b', undefined));
    lease.release(true);
    granted(other.take('/a', undefined));
  });

  it('are taken over from one who is silent, but not from one who has been heard of since', () => {
    granted(one.take('/a', undefined));
    const beat = beatOf(other.take('/a', undefined));
    age(1);
    expect(other.take('/a', beat).kind).toBe('taken');
    granted(other.take('/a', beatOf(other.take('/a', undefined))));
  });

  it('lapse when nobody renews them, so that nobody waits for a process that died long ago', () => {
    granted(one.take('/a', undefined));
    age();
    expect(other.take('/a', undefined).kind).toBe('granted');
    // A clock that has been set back.
    age(-3600);
    expect(one.take('/a', undefined).kind).toBe('granted');
  });

  it('are not removed by one who has lost them', () => {
    const lost = granted(one.take('/a', undefined));
    age();
    granted(other.take('/a', undefined));
    lost.release(true);
    lost.release(false);
    expect(one.take('/a', undefined).kind).toBe('taken');
  });

  it('say for a while that what was rendered was no page', () => {
    granted(one.take('/a', undefined)).release(false);
    expect(other.take('/a', undefined).kind).toBe('alone');
    age();
    granted(other.take('/a', undefined));
  });

  it('leave a bounded number of such marks, and nothing at all at the end', async () => {
    for (let page = 0; page < 1010; page += 1) granted(one.take(`/${page}`, undefined)).release(false);
    granted(one.take('/held', undefined));
    expect(links().length).toBe(1001);
    await one.close();
    expect(links()).toEqual([]);
  });

  it('go with the next tidying when their process was killed', async () => {
    granted(one.take('/alive', undefined));
    // Nobody renews it.
    symlinkSync('killed', join(site, 'leases', 'killed'));
    lutimesSync(join(site, 'leases', 'killed'), 0, 0);
    await other.tidy(Date.now());
    expect(links().length).toBe(1);
  });

  it('keep nobody from rendering where they cannot be written', () => {
    writeFileSync(join(site, 'file'), '');
    expect(new FileLeases(join(site, 'file')).take('/a', undefined).kind).toBe('alone');
  });
});
