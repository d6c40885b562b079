import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MemcachedServer } from '../../lib/testing/index.js';
import { MemcachedClient } from '../../lib/stores/memcached/memcached-client.js';
import type { MemcachedMetaClient } from '../../lib/stores/memcached/memcached-client.interface.js';
import { MemcachedJournal } from '../../lib/stores/memcached/memcached-journal.js';
import { ChildProcesses } from '../support/child-processes.js';

describe('the purge journal', () => {
  let memcached: MemcachedServer;
  const clients: MemcachedClient[] = [];
  let count = 0;
  /** Several processes have one each. */
  const journals = (size: number, key = `*test${(count += 1)}`) =>
    Array.from({ length: size }, () => {
      const client = new MemcachedClient(memcached.address);
      clients.push(client);
      return new MemcachedJournal(client, key);
    });
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await memcached?.stop();
  });

  it('tells everybody what came after a position, in order, or that it does not know', async () => {
    const [one, two, three] = journals(3) as [MemcachedJournal, MemcachedJournal, MemcachedJournal];
    const all = [one, two, three];
    const actions = fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.record({ by: fc.nat(2), entry: fc.string({ maxLength: 40 }) }) },
        { weight: 1, arbitrary: fc.record({ by: fc.nat(2), entry: fc.constant('long '.repeat(700)) }) },
      ),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(actions, async (entries) => {
        const positions = [await three.position()];
        for (const { by, entry } of entries) {
          await all[by]!.append(entry);
          positions.push(await all[by]!.position());
        }
        for (const [index, position] of positions.entries()) {
          const expected = entries.slice(index).map(({ entry }) => entry);
          const known = await two.since(position);
          // Dropped when there is too much to keep, and never without saying so.
          if (known === undefined) expect(expected.join('').length).toBeGreaterThan(10_000);
          else expect(known).toEqual(expected);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('knows nothing of a position in another life of it', async () => {
    const key = `*test${(count += 1)}`;
    const [one, two] = journals(2, key) as [MemcachedJournal, MemcachedJournal];
    await one.append('a');
    const position = await two.position();
    expect(await two.since(position)).toEqual([]);
    await memcached.send(`md ${key}`);
    expect(await two.since(position)).toBeUndefined();
    await one.append('b');
    expect(await two.since(position)).toBeUndefined();
    // As long as before: the number alone would tell nothing.
    const now = await two.position();
    expect(now.split(' ')[1]).toBe(position.split(' ')[1]);
    expect(now).not.toBe(position);
  });

  it.each(['rubbish', '{}', '[]', 'null', '{"epoch":"x","last":1.5,"entries":[]}', '{"last":1,"entries":[]}'])(
    'begins anew over %s',
    async (rubbish) => {
      const key = `*test${(count += 1)}`;
      const [journal] = journals(1, key) as [MemcachedJournal];
      const before = await journal.position();
      await memcached.send(`ms ${key} ${rubbish.length}\r\n${rubbish}`);
      expect(await journal.since(before)).toBeUndefined();
      const after = await journal.position();
      await journal.append('x');
      expect(await journal.since(after)).toEqual(['x']);
    },
  );

  it('does not know of a position from the future', async () => {
    const [journal] = journals(1) as [MemcachedJournal];
    const [epoch] = (await journal.position()).split(' ');
    expect(await journal.since(`${epoch} 5`)).toBeUndefined();
  });

  it('writes a long entry down as everything', async () => {
    const [journal] = journals(1) as [MemcachedJournal];
    const position = await journal.position();
    await journal.append('x'.repeat(5000));
    expect(await journal.since(position)).toEqual(['{"kind":"all"}']);
  });

  it('stays small, whatever is written', async () => {
    const key = `*test${(count += 1)}`;
    const [journal] = journals(1, key) as [MemcachedJournal];
    const position = await journal.position();
    for (const entry of ['"'.repeat(4000), '{"kind":"all"}', 'ü'.repeat(300)]) {
      await Promise.all(Array.from({ length: 2000 }, () => journal.append(entry)));
      expect(Number(/s(\d+)/.exec(await memcached.send(`mg ${key} s`))?.[1])).toBeLessThan(40_000);
    }
    expect(await journal.since(position)).toBeUndefined();
    expect((await journal.position()).split(' ')[1]).toBe('6000');
  });

  it('has no gap, whatever the clocks of the processes say', async () => {
    const clock = vi.spyOn(Date, 'now');
    try {
      const real = performance.timeOrigin + performance.now();
      const skews = [0, -70_000, 0, 3_600_000, 0, -3_600_000, 90_000];
      for (let first = 0; first < skews.length; first += 1) {
        const [journal] = journals(1) as [MemcachedJournal];
        const positions = [await journal.position()];
        for (const [index, skew] of [...skews.slice(first), ...skews.slice(0, first)].entries()) {
          clock.mockReturnValue(real + skew);
          await journal.append(String(index));
          positions.push(await journal.position());
          for (const [from, position] of positions.entries()) {
            const all = Array.from({ length: index + 1 - from }, (_, at) => String(from + at));
            // All, or it is known that they are not.
            expect([undefined, all.join()]).toContain((await journal.since(position))?.join());
          }
        }
      }
    } finally {
      clock.mockRestore();
    }
  });

  it('forgets what is older than a minute, and says so', async () => {
    const [journal] = journals(1) as [MemcachedJournal];
    const position = await journal.position();
    await journal.append('old');
    const later = await journal.position();
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 61_000);
    try {
      await journal.append('new');
    } finally {
      clock.mockRestore();
    }
    expect(await journal.since(position)).toBeUndefined();
    expect(await journal.since(later)).toEqual(['new']);
  });

  it('a reader is never behind what is stored before it asks', async () => {
    const [writer] = journals(1, '*slow') as [MemcachedJournal];
    const client = new MemcachedClient(memcached.address);
    clients.push(client);
    const slowly = {
      compareAndSet: client.compareAndSet.bind(client),
      getForUpdate: async (key: string) => {
        const answer = await client.getForUpdate(key);
        await delay(30);
        return answer;
      },
    } as Partial<MemcachedMetaClient> as MemcachedMetaClient;
    const reader = new MemcachedJournal(slowly, '*slow');
    const position = await reader.position();
    // A read that is on its way, and has seen nothing yet.
    const others = [reader.position(), reader.since(position)];
    await delay(10);
    await writer.append('x');
    const answers = [reader.since(position), reader.since(position)];
    await delay(5);
    answers.push(reader.since(position));
    for (const answer of answers) expect(await answer).toEqual(['x']);
    await Promise.all(others);
  });

  it('tells what was added since a request came in', async () => {
    const [one, two] = journals(2) as [MemcachedJournal, MemcachedJournal];
    const clock = vi.spyOn(Date, 'now');
    const at = async (time: number, action: () => Promise<unknown>) => {
      clock.mockReturnValue(1_000_000 + time);
      await action();
    };
    try {
      await at(0, () => one.append('seen'));
      await two.position();
      const { known } = two;
      await at(10, () => one.append('before'));
      await at(20, () => one.append('after'));
      const arrived = async (time: number, from = known) => (await two.arrived(from, 1_000_000 + time)).before;
      expect(await arrived(15)).toEqual(['after']);
      expect(await arrived(20)).toEqual(['after']);
      expect(await arrived(21)).toEqual([]);
      expect(await arrived(0)).toEqual(['before', 'after']);
      // What it knows of itself needs no clock.
      expect(two.known).not.toBe(known);
      expect(await arrived(0, two.known)).toEqual([]);
      // Nothing known, or another life of the journal: nobody knows what was in that.
      expect((await two.arrived(undefined, 1_000_015)).before).toBeUndefined();
      expect(await arrived(15, 'other 7')).toBeUndefined();
      await at(30, () => one.append('long '.repeat(800)));
      for (let more = 0; more < 5; more += 1) await at(40, () => one.append('long '.repeat(800)));
      expect(await arrived(35)).toBeUndefined();
      expect(await arrived(41)).toEqual([]);
      expect((await two.arrived(known, 0)).position).toBe(await one.position());
    } finally {
      clock.mockRestore();
    }
  });

  it('survives a restart of the server', async () => {
    await using other = await MemcachedServer.start();
    const client = new MemcachedClient(other.address);
    const journal = new MemcachedJournal(client, '*journal');
    const position = await journal.position();
    await other.restart();
    await expect
      .poll(() =>
        journal.append('x').then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    expect(await journal.since(position)).toBeUndefined();
    await client.close();
  });
});

describe('8 processes that purge at once', () => {
  it('lose nothing', async () => {
    await using memcached = await MemcachedServer.start();
    await using processes = await ChildProcesses.start(APPENDING, 8, { address: memcached.address });
    const client = new MemcachedClient(memcached.address);
    const journal = new MemcachedJournal(client, '*journal');
    const position = await journal.position();
    await processes.all({ count: 0 });
    await processes.all({ count: 60 });
    const entries = (await journal.since(position)) ?? [];
    expect(entries.toSorted()).toEqual(
      Array.from({ length: 8 * 60 }, (_, index) => `${Math.floor(index / 60)} ${index % 60}`).toSorted(),
    );
    await client.close();
  });
});

const APPENDING = `
import { MemcachedClient } from './lib/stores/memcached/memcached-client.js';
import type { MemcachedMetaClient } from '../../lib/stores/memcached/memcached-client.interface.js';
import { MemcachedJournal } from './lib/stores/memcached/memcached-journal.js';
const { address } = JSON.parse(process.argv[2]!);
const journal = new MemcachedJournal(new MemcachedClient(address), '*journal');
async function answer({ count }: { count: number }, index: number): Promise<void> {
  // One after the other, so that the processes contend.
  for (let entry = 0; entry < count; entry += 1) await journal.append(index + ' ' + entry);
}
`;
