import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { beginCheck } from '../../../lib/stores/journal/purge-check.js';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import type { MemcachedMetaClient } from '../../../lib/stores/memcached/memcached-client.interface.js';
import { MemcachedJournal } from '../../../lib/stores/memcached/memcached-journal.js';
import { concerns, type PurgeScope } from '../../../lib/stores/journal/purge-scope.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { fc, generator } from '../../support/random.js';
import { addressOf } from '../../support/put-page.js';

const NO_TAGS: ReadonlySet<string> = new Set();
const page = (name: string | number) => addressOf(`page:/${name}`);
const purge = (...names: (string | number)[]): PurgeScope => ({
  kind: 'paths',
  paths: names.map((name) => ({ path: `/${name}` })),
});

describe('the purge journal in memcached', () => {
  let memcached: MemcachedServer;
  const clients: MemcachedClient[] = [];
  let count = 0;
  const newKey = () => `*test${(count += 1)}:journal`;
  const newClient = () => {
    const client = new MemcachedClient(memcached.address, { writeTimeout: 10_000 });
    clients.push(client);
    return client;
  };
  /** Several processes have one each. */
  const journals = (size: number, key = newKey()) =>
    Array.from({ length: size }, () => new MemcachedJournal(newClient(), key));
  /** One that has seen the journal, and where it stands. */
  const started = async (journal: MemcachedJournal) => {
    await journal.catchUp();
    return journal.window.position;
  };
  const since = async (journal: MemcachedJournal, position: number) => {
    await journal.catchUp();
    return journal.window.since(position)?.map(({ scope }) => scope);
  };
  /** A request that comes in now. */
  const arrive = (journal: MemcachedJournal) => ({
    renews: false,
    arrival: { position: journal.window.position, time: Date.now() },
  });
  /** The items of a journal: the head, entries and index items. */
  const itemsOf = async (key: string) => {
    const dump = await memcached.send('lru_crawler metadump hash');
    const names = Array.from(dump.matchAll(/^key=(\S+)/gm), ([, name]) => decodeURIComponent(name!));
    return names.filter((name) => name.startsWith(key));
  };
  const sizeOf = async (item: string) => Number(/ s(\d+)/.exec(await memcached.send(`mg ${item} s`))?.[1]);

  beforeAll(async () => {
    memcached = await MemcachedServer.start();
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await memcached?.stop();
  });

  it('tells every process what was purged since a position, in order', async () => {
    const [one, two] = journals(2) as [MemcachedJournal, MemcachedJournal];
    const position = await started(two);
    for (let entry = 0; entry < 300; entry += 1) await (entry % 3 === 0 ? two : one).append(purge(entry));
    expect(await since(two, position)).toEqual(Array.from({ length: 300 }, (_, entry) => purge(entry)));
    expect(await since(two, two.window.position)).toEqual([]);
  });

  it('proves nothing of requests that came in before a process saw it', async () => {
    const [one, two] = journals(2) as [MemcachedJournal, MemcachedJournal];
    const early = two.window.position;
    await one.append(purge('a'));
    await two.catchUp();
    expect(two.window.since(early)).toBeUndefined();
    const [writer] = journals(1) as [MemcachedJournal];
    const first = writer.window.position;
    await writer.append(purge('a'));
    expect(writer.window.since(first)).toBeUndefined();
    expect(writer.window.since(writer.window.position)).toEqual([]);
  });

  it('misses no purge, however writers and readers interleave, and whatever memcached loses', async () => {
    const step = fc.record({
      by: fc.nat(2),
      action: fc.constantFrom('append', 'append', 'append', 'render', 'look', 'lose', 'begin anew'),
      pause: fc.nat(3),
    });
    const plan = fc.record({
      seed: fc.nat(),
      steps: fc.array(step, { minLength: 1, maxLength: 80 }),
      loses: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ seed, steps, loses }) => {
        const next = generator(seed);
        const random = (below: number) => Math.floor(next() * below);
        const key = newKey();
        const all = Array.from(
          { length: 3 },
          () =>
            new MemcachedJournal(
              held(newClient(), () => delay(random(4))),
              key,
            ),
        );
        await Promise.all(all.map((journal) => journal.look()));
        const work: Promise<unknown>[] = [];
        /** Number, and when it was asked for: a rendering that had arrived before must notice it once it is acknowledged. */
        const acknowledged: { readonly name: number; readonly asked: number }[] = [];
        const failures: string[] = [];
        let [name, now] = [0, 0];
        const append = async (journal: MemcachedJournal) => {
          const entry = { name: (name += 1), asked: (now += 1) };
          await journal.append(purge(entry.name));
          acknowledged.push(entry);
        };
        const render = async (journal: MemcachedJournal) => {
          const arrived = (now += 1);
          const context = arrive(journal);
          const check = await beginCheck(journal, page('none'), context);
          const began = journal.window.position;
          await delay(random(8));
          const due = acknowledged.filter(({ asked }) => asked > arrived);
          await journal.catchUp();
          const scopes = journal.window.since(context.arrival.position)?.map((entry) => entry);
          const early = began - context.arrival.position;
          const counting = scopes?.filter(({ time }, at) => at >= early || time >= context.arrival.time);
          for (const entry of due) {
            const isSeen = counting?.some(({ scope }) => concerns(scope, page(entry.name))) ?? true;
            if (!isSeen) failures.push(`purge ${entry.name} was missed`);
          }
          // Nothing was lost, and nobody has purged this page.
          if (!loses && check.known(NO_TAGS) !== undefined) failures.push(`refused: ${check.known(NO_TAGS)}`);
        };
        const lose = async () => {
          const items = await itemsOf(key);
          const victim = items[random(items.length)];
          if (victim) await memcached.send(`md ${victim}`);
        };
        for (const { by, action, pause } of steps) {
          const journal = all[by]!;
          if (action === 'append') work.push(append(journal));
          else if (action === 'render') work.push(render(journal));
          else if (action === 'look') work.push(journal.look());
          else if (loses) work.push(action === 'lose' ? lose() : memcached.send(`md ${key}`));
          await delay(pause);
        }
        await Promise.all(work);
        expect(failures).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('counts an entry that is lost as a purge of everything, no younger than the next', async () => {
    const key = newKey();
    const [one, two] = journals(2, key) as [MemcachedJournal, MemcachedJournal];
    const clock = vi.spyOn(Date, 'now');
    try {
      const position = await started(two);
      for (const time of [1000, 2000, 3000, 4000]) {
        clock.mockReturnValue(time);
        await one.append(purge(time));
        if (time === 2000) for (const item of await itemsOf(`${key}:`)) await memcached.send(`md ${item}`);
      }
      await two.catchUp();
      expect(two.window.since(position)).toEqual([
        { time: 3000, scope: { kind: 'all' } },
        { time: 3000, scope: { kind: 'all' } },
        { time: 3000, scope: purge(3000) },
        { time: 4000, scope: purge(4000) },
      ]);
    } finally {
      clock.mockRestore();
    }
  });

  it('counts what a lost index names as a purge of everything', async () => {
    const key = newKey();
    const [one, two] = journals(2, key) as [MemcachedJournal, MemcachedJournal];
    const position = await started(two);
    for (let entry = 0; entry < 200; entry += 1) await one.append(purge(entry));
    for (const item of await itemsOf(`${key}:`)) {
      if (!(await memcached.send(`mg ${item} v`)).includes('kind')) await memcached.send(`md ${item}`);
    }
    const scopes = (await since(two, position)) ?? [];
    expect(scopes[0]).toEqual({ kind: 'all' });
    expect(scopes.slice(1)).toEqual(Array.from({ length: 72 }, (_, index) => purge(128 + index)));
  });

  it('lets an idle process store its next page, though the entries are gone', async () => {
    const key = newKey();
    const [one, two] = journals(2, key) as [MemcachedJournal, MemcachedJournal];
    await started(two);
    const old = await beginCheck(two, page('x'), arrive(two));
    for (let entry = 0; entry < 200; entry += 1) await one.append(purge(entry));
    for (const item of await itemsOf(`${key}:`)) await memcached.send(`md ${item}`);
    await delay(2);
    const context = arrive(two);
    const check = await beginCheck(two, page('x'), context);
    expect(await check.ask(NO_TAGS)).toBeUndefined();
    expect(await old.ask(NO_TAGS)).toBe('purged');
  });

  it('knows nothing of a position in another life of it', async () => {
    const key = newKey();
    const [one, two] = journals(2, key) as [MemcachedJournal, MemcachedJournal];
    await one.append(purge('a'));
    const position = await started(two);
    expect(await since(two, position)).toEqual([]);
    await memcached.send(`md ${key}`);
    expect(await since(two, position)).toBeUndefined();
    const later = two.window.position;
    // As long as before: the number alone would tell nothing.
    await one.append(purge('b'));
    expect(await since(two, later)).toEqual([purge('b')]);
    expect(two.window.since(position)).toBeUndefined();
  });

  it.each(['rubbish', '{}', 'x', 'epoch 1.5 0 -', 'epoch 0 0 - name', 'epoch 1 0 - a:b', 'epoch 5 x -', ' 1 1 -', ''])(
    'begins anew over %j',
    async (rubbish) => {
      const key = newKey();
      const [journal, other] = journals(2, key) as [MemcachedJournal, MemcachedJournal];
      const before = await started(journal);
      await memcached.send(`ms ${key} ${rubbish.length}\r\n${rubbish}`);
      expect(await since(journal, before)).toBeUndefined();
      const after = journal.window.position;
      await other.append(purge('x'));
      expect(await since(journal, after)).toEqual([purge('x')]);
    },
  );

  it.each(['rubbish', '', '12', '12\n{"kind":"new"}', '12\n{'])(
    'takes an entry that is %j for everything',
    async (rubbish) => {
      const key = newKey();
      const [journal, other] = journals(2, key) as [MemcachedJournal, MemcachedJournal];
      const position = await started(journal);
      await other.append(purge('x'));
      const [item] = await itemsOf(`${key}:`);
      await memcached.send(`ms ${item} ${rubbish.length}\r\n${rubbish}`);
      expect(await since(journal, position)).toEqual([{ kind: 'all' }]);
    },
  );

  it('splits what is large, and stays small where everybody reads', async () => {
    const key = newKey();
    const [one, two] = journals(2, key) as [MemcachedJournal, MemcachedJournal];
    const position = await started(two);
    const names = Array.from({ length: 5000 }, (_, index) => `${index}/${'é'.repeat(20)}`);
    await one.append(purge(...names));
    await one.append({ kind: 'tags', tags: ['t'.repeat(15_000), 'u'] });
    const scopes = (await since(two, position)) ?? [];
    for (const name of names) expect(scopes.some((scope) => concerns(scope, page(name)))).toBe(true);
    expect(scopes.some((scope) => concerns(scope, page('other')))).toBe(false);
    expect(scopes.some((scope) => concerns(scope, page('other'), new Set(['u'])))).toBe(true);
    for (let entry = 0; entry < 500; entry += 1) await one.append(purge(entry));
    expect(await sizeOf(key)).toBeLessThan(3000);
    for (const item of await itemsOf(key)) expect(await sizeOf(item)).toBeLessThan(64_000);
    expect((await since(two, position))?.some((scope) => concerns(scope, page('other')))).toBe(false);
  });

  it('writes together what is purged meanwhile', async () => {
    const key = newKey();
    const [one, two] = journals(2, key) as [MemcachedJournal, MemcachedJournal];
    const position = await started(two);
    await Promise.all(Array.from({ length: 1000 }, (_, index) => one.append(purge(index))));
    expect((await itemsOf(`${key}:`)).length).toBeLessThanOrEqual(3);
    expect(await since(two, position)).toEqual(Array.from({ length: 1000 }, (_, index) => purge(index)));
  });

  it('is read once for all who ask meanwhile, and never too early', async () => {
    const key = newKey();
    const [writer] = journals(1, key) as [MemcachedJournal];
    let reads = 0;
    let open = () => {};
    let gate = Promise.resolve();
    const reader = new MemcachedJournal(
      held(newClient(), async (operation) => {
        if (operation !== 'getForUpdate') return;
        reads += 1;
        await gate;
      }),
      key,
    );
    const position = await started(reader);
    reads = 0;
    gate = new Promise((resolve) => (open = resolve));
    // A read that is on its way, and has seen nothing yet.
    const look = reader.look();
    await expect.poll(() => reads).toBe(1);
    await writer.append(purge('x'));
    const all = [reader.look(), ...Array.from({ length: 100 }, () => reader.catchUp())];
    open();
    await look;
    expect(reader.window.since(position)).toEqual([]);
    await Promise.all(all);
    expect(reader.window.since(position)?.length).toBe(1);
    expect(reads).toBe(2);
  });

  it('is not deceived by a server that counts from the beginning again', async () => {
    await using other = await MemcachedServer.start();
    const clients = [1, 2].map(() => new MemcachedClient(other.address));
    const [one, two] = clients.map((client) => new MemcachedJournal(client, '*journal'));
    const position = await started(one!);
    const before = await other.send('mg *journal c');
    await other.restart();
    await expect
      .poll(() =>
        two!.look().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    expect(await other.send('mg *journal c')).toBe(before);
    await expect
      .poll(() =>
        one!.catchUp().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    expect(one!.window.since(position)).toBeUndefined();
    await Promise.all(clients.map((client) => client.close()));
  });
});

it('a process that has not noticed the restart of memcached does not put the journal of before in its place', async () => {
  await using memcached = await MemcachedServer.start();
  const key = '*test:journal';
  const clients = [1, 2].map(() => new MemcachedClient(memcached.address, { writeTimeout: 10_000 }));
  const [one, other] = clients.map((client) => new MemcachedJournal(client, key));
  const casOf = async (item: string) => Number(/ c(\d+)/.exec(await memcached.send(`mg ${item} c`))?.[1]);
  await one!.append(purge('before'));
  for (let count = 0; count < 10; count += 1) await one!.append(purge('before'));
  const cas = await casOf(key);
  await memcached.restart();
  await other!.catchUp();
  // The entry is stored before the head.
  do await memcached.send('set filler 0 0 1\r\nx');
  while ((await casOf('filler')) < cas - 2);
  await other!.append(purge('meanwhile'));
  expect(await casOf(key)).toBe(cas);
  const { position } = other!.window;
  await one!.append(purge('after'));
  await other!.catchUp();
  expect(other!.window.since(position)?.map(({ scope }) => scope)).toEqual([purge('after')]);
  await Promise.all(clients.map((client) => client.close()));
});

/** A client that hands its answers on late. */
function held(client: MemcachedClient, until: (operation: string) => Promise<unknown>): MemcachedMetaClient {
  return new Proxy(client, {
    get: (target, name: keyof MemcachedClient) => {
      if (name === 'losses') return target.losses;
      const operation = target[name].bind(target) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        const answer = await operation(...args);
        await until(name);
        return answer;
      };
    },
  });
}
