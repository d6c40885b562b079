import { describe, expect, it } from 'vitest';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { ChildProcesses } from '../../support/child-processes.js';

/** What a process tells of its purges and renderings; times by a clock that all processes share. */
interface Account {
  readonly purges: readonly { readonly name: string; readonly begun: number; readonly acknowledged: number }[];
  readonly renderings: readonly {
    readonly arrived: number;
    readonly asked: number;
    /** What was purged meanwhile; `undefined` when that is not known. */
    readonly purged?: readonly string[];
  }[];
}

describe('the purge journal of 4 processes', () => {
  it.each([
    { name: 'with room', args: ['-m', '64'], filler: 0, render: 30 },
    { name: 'with items that are evicted all the time', args: ['-m', '2'], filler: 20_000, render: 600 },
  ])('$name: no process misses a purge', async ({ args, filler, render }) => {
    await using memcached = await MemcachedServer.start({ args });
    await using processes = await ChildProcesses.start(PURGING, 4, { address: memcached.address });
    await processes.all({ filler: 0, count: 0, render });
    let isLost = false;
    do {
      const accounts = await processes.all<Account>({ filler, count: 150, render });
      const purges = accounts.flatMap((account) => account.purges);
      const renderings = accounts.flatMap((account) => account.renderings);
      const known = renderings.filter(({ purged }) => purged !== undefined);
      let due = 0;
      for (const { arrived, asked, purged } of known) {
        const names = new Set(purged);
        const meanwhile = purges.filter(({ begun, acknowledged }) => begun > arrived && acknowledged < asked);
        due += meanwhile.length;
        expect(meanwhile.filter(({ name }) => !names.has(name))).toEqual([]);
      }
      process.stdout.write(`${JSON.stringify({ args, renderings: renderings.length, known: known.length, due })}\n`);
      expect(purges.length).toBe(4 * 2 * 150);
      expect(due).toBeGreaterThan(100);
      isLost = known.length < renderings.length;
      // What is lost is noticed. On a busy machine, items may come too slowly for that.
    } while (filler > 0 && !isLost);
    // Nothing else is taken for lost.
    expect(isLost).toBe(filler > 0);
  });
});

const PURGING = `
import { setTimeout as delay } from 'node:timers/promises';
import { MemcachedClient } from './lib/stores/memcached/memcached-client.js';
import { MemcachedJournal } from './lib/stores/memcached/memcached-journal.js';
const { address } = JSON.parse(process.argv[2]!);
const client = new MemcachedClient(address, { writeTimeout: 20_000 });
const journal = new MemcachedJournal(client, '*journal');
const now = () => Number(process.hrtime.bigint()) / 1e6;
async function answer({ filler, count, render: longest }: Record<string, number>, index: number): Promise<unknown> {
  await journal.look();
  const purges: unknown[] = [];
  const renderings: unknown[] = [];
  let running = true;
  const purge = async (writer: number) => {
    for (let entry = 0; entry < count; entry += 1) {
      const name = [index, writer, entry].join('-');
      const begun = now();
      await journal.append({ kind: 'tags', tags: [name] });
      purges.push({ name, begun, acknowledged: now() });
      await delay(Math.random() * 10);
    }
  };
  const render = async () => {
    while (running) {
      const arrival = { position: journal.window.position, time: Date.now() };
      const arrived = now();
      await journal.look();
      const early = journal.window.position - arrival.position;
      await delay(Math.random() * longest);
      const asked = now();
      await journal.catchUp();
      const entries = journal.window.since(arrival.position);
      const scopes = entries?.filter(({ time }, at) => at >= early || time >= arrival.time).map(({ scope }) => scope);
      const isKnown = scopes && !scopes.some(({ kind }) => kind === 'all');
      renderings.push({ arrived, asked, ...(isKnown && { purged: scopes.flatMap((scope: any) => scope.tags) }) });
    }
  };
  const fill = async () => {
    for (let item = 0; running && filler > 0; item += 100) {
      const keys = Array.from({ length: 100 }, (_, at) => 'fill:' + index + ':' + ((item + at) % filler));
      await Promise.all(keys.map((key) => client.set(key, { bytes: Buffer.alloc(60), flags: 0 }, 0)));
    }
  };
  const rest = [render(), render(), render(), fill()];
  await Promise.all([purge(0), purge(1)]);
  running = false;
  await Promise.all(rest);
  return { purges, renderings };
}
`;
