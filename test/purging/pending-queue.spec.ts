import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { PendingQueue } from '../../lib/purging/pending-queue.js';
import type { PurgeScope } from '../../lib/stores/journal/purge-scope.js';
import { LocalJournal } from '../../lib/stores/journal/local-journal.js';
import { MemcachedClient } from '../../lib/stores/memcached/memcached-client.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { Gate } from '../support/gate.js';
import { fc } from '../support/random.js';

const storage = (lists: boolean) => ({
  lists,
  journal: new LocalJournal(),
  server: undefined,
  onReturn: () => {},
});

const DOWN = new Error('memcached is down');

const under = (path: string): PurgeScope => ({ kind: 'under', path });

describe('pending purges', () => {
  let memcached: MemcachedServer;
  let client: MemcachedClient;
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    client = new MemcachedClient(memcached.address, { writeTimeout: 100 });
  });
  afterAll(async () => {
    await client?.close();
    await memcached?.stop();
  });

  afterEach(() => vi.restoreAllMocks());

  it('are tried again, each until the server has it, in their order', async () => {
    const pending = new PendingQueue(storage(true));
    const done: string[] = [];
    let attempts = 0;
    const purge = async (scope: PurgeScope) => {
      attempts += 1;
      await client.deleteMany(['x']);
      done.push((scope as { path: string }).path);
    };
    memcached.pause();
    for (const path of ['/a', '/b', '/c']) pending.add(under(path), purge, DOWN);
    await expect.poll(() => attempts).toBeGreaterThan(1);
    expect(pending.size).toBe(3);
    expect(done).toEqual([]);
    memcached.resume();
    await expect.poll(() => pending.size).toBe(0);
    expect(done).toEqual(['/a', '/b', '/c']);
    pending.close();
  });

  it('are tried again as soon as the store answers, however long the next attempt is away', async () => {
    let returned = () => {};
    const pending = new PendingQueue({ ...storage(true), onReturn: (listener) => (returned = listener) });
    const done: PurgeScope[] = [];
    let isDown = true;
    const purge = async (scope: PurgeScope) => {
      if (isDown) throw DOWN;
      done.push(scope);
    };
    vi.useFakeTimers();
    try {
      for (const path of ['/a', '/b']) pending.add(under(path), purge, DOWN);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(pending.size).toBe(2);
      isDown = false;
      returned();
      await vi.advanceTimersByTimeAsync(0);
      expect(done).toEqual([under('/a'), under('/b')]);
      expect(pending.size).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('one that comes while the same is under way is done again', async () => {
    const pending = new PendingQueue(storage(true));
    let begin!: () => void;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    let done = 0;
    const purge = async () => {
      begin();
      await client.deleteMany(['x']);
      done += 1;
    };
    memcached.pause();
    pending.add(under('/a'), purge, DOWN);
    await begun;
    pending.add(under('/a'), purge, DOWN);
    pending.add(under('/a'), purge, DOWN);
    expect(pending.size).toBe(2);
    memcached.resume();
    await expect.poll(() => pending.size).toBe(0);
    expect(done).toBe(2);
    pending.close();
  });

  it('stay what they are where the store cannot list everything, and are refused when they are far too many', async () => {
    const pending = new PendingQueue(storage(false));
    const done: PurgeScope[] = [];
    const keys = (count: number): PurgeScope => ({
      kind: 'targets',
      targets: Array.from({ length: count }, (_, index) => ({ target: `/${index}` })),
    });
    const add = (count: number) => pending.add(keys(count), async (one) => void done.push(one), DOWN);
    expect([add(1001), add(50_000), add(50_000)]).toEqual([true, true, false]);
    await expect.poll(() => pending.size).toBe(0);
    expect(done).toEqual([keys(1001), keys(50_000)]);
    pending.close();
  });

  it('are added in the same time, however many wait', () => {
    const pending = new PendingQueue(storage(false));
    let count = 0;
    const duration = () => {
      const start = performance.now();
      for (const end = count + 200; count < end; count += 1) pending.add(under(`/${count}`), async () => {}, DOWN);
      return performance.now() - start;
    };
    const durations = Array.from({ length: 25 }, duration);
    expect(pending.size).toBe(5000);
    pending.close();
    expect(Math.min(...durations.slice(-5))).toBeLessThan(10 * Math.min(...durations.slice(0, 5)));
  });

  it.each(['close', 'take'] as const)(
    'are not reported as done after %s(), when an attempt was under way',
    async (end) => {
      const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
      const error = vi.spyOn(Logger.prototype, 'error').mockReturnValue();
      const pending = new PendingQueue(storage(true));
      const gate = new Gate();
      pending.add(under('/a'), () => gate.pass(), DOWN);
      await gate.reached;
      pending[end]();
      gate.open();
      await setImmediate();
      expect(warn.mock.calls.map(([line]) => String(line))).toEqual([expect.stringContaining('/a/*')]);
      expect(error).toHaveBeenCalledTimes(end === 'close' ? 1 : 0);
    },
  );

  it('are not tried any more after shutdown', async () => {
    const pending = new PendingQueue(storage(true));
    let attempts = 0;
    pending.close();
    expect(pending.add(under('/a'), async () => void (attempts += 1), DOWN)).toBe(false);
    expect(pending.size).toBe(0);
    await delay(300);
    expect(attempts).toBe(0);
  });

  it('are never more than can be remembered, and forget nothing', async () => {
    const added = fc.array(
      fc.oneof(
        fc.nat(1500).map((path) => under(`/${path}`)),
        fc
          .integer({ min: 1, max: 700 })
          .map((size): PurgeScope => ({ kind: 'tags', tags: Array.from({ length: size }, String) })),
      ),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(added, async (scopes) => {
        const pending = new PendingQueue(storage(true));
        const done: PurgeScope[] = [];
        for (const scope of scopes) pending.add(scope, async (one) => void done.push(one), DOWN);
        expect(pending.size).toBeLessThanOrEqual(1000);
        await expect.poll(() => pending.size, { interval: 5 }).toBe(0);
        const everything = done.findIndex(({ kind }) => kind === 'all');
        const wanted = everything < 0 ? scopes : [];
        for (const scope of wanted) expect(done).toContainEqual(scope);
        if (everything >= 0) expect(scopes.length).toBeGreaterThan(1);
        pending.close();
      }),
      { numRuns: 15 },
    );
  });
});
