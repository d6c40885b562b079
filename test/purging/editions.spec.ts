import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PageCacheDispatcher } from '../../lib/events/page-cache-dispatcher.js';
import { fileStore, memcachedStore } from '../../lib/index.js';
import { PageKeys } from '../../lib/page/page-key.js';
import { EditionKeeper } from '../../lib/purging/edition-keeper.js';
import { PendingPurges } from '../../lib/purging/pending-purges.js';
import { Purger } from '../../lib/purging/purger.js';
import { checkOptions } from '../../lib/configuration/check-options.js';
import type { Edition } from '../../lib/stores/journal/edition.js';
import { PageStorage } from '../../lib/stores/page-storage.js';
import type { PageStore } from '../../lib/stores/page-store.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { temporaryRoot } from '../support/files-site.js';
import { beginPage, putPage } from '../support/put-page.js';
import { fc } from '../support/random.js';
import { collect, context, page } from '../stores/pages.js';

/** One process: its store, and what keeps its edition. */
class Process {
  readonly keeper: EditionKeeper;

  constructor(readonly store: PageStore) {
    const options = checkOptions();
    const keys = new PageKeys(options);
    const storage = new PageStorage({ on: () => {} } as never, store, context.prefix, () => {});
    const dispatcher = new PageCacheDispatcher();
    const purger = new Purger(options, keys, storage, new PendingPurges(storage), dispatcher);
    const host = { httpAdapter: { getHttpServer: () => ({}) } } as unknown as HttpAdapterHost;
    this.keeper = new EditionKeeper(storage, purger, dispatcher, host);
  }

  start(): Promise<void> {
    return this.keeper.onApplicationBootstrap();
  }

  /** Stores a page. @returns `stored`, or why not */
  async put(path: string): Promise<string> {
    const result = await putPage(this.store, `page:${path}`, page(path));
    return result.stored ? 'stored' : result.reason;
  }

  async paths(): Promise<string[]> {
    return (await collect(this.store.keys!('page:'))).map((key) => key.slice('page:'.length)).toSorted();
  }

  /** As if it were killed. */
  async kill(): Promise<void> {
    this.keeper.onModuleDestroy();
    await this.store.keyv.disconnect();
  }
}

Logger.overrideLogger(false);

const v = (version: string, configuration = 'conf'): Edition => ({ configuration, version });

/** Processes that share a store. */
abstract class Fleet implements AsyncDisposable {
  readonly #processes: Process[] = [];

  abstract open(edition: Edition): PageStore;
  /** Takes away what says which edition may store pages, as an eviction or a lost file does. */
  abstract lose(): Promise<void>;
  abstract stop(): Promise<void>;

  process(edition: Edition): Process {
    const process = new Process(this.open(edition));
    this.#processes.push(process);
    return process;
  }

  async started(edition: Edition): Promise<Process> {
    const process = this.process(edition);
    await process.start();
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
    await this.stop();
  }
}

class MemcachedFleet extends Fleet {
  private constructor(private readonly memcached: MemcachedServer) {
    super();
  }

  static async start(): Promise<Fleet> {
    return new MemcachedFleet(await MemcachedServer.start());
  }

  open(edition: Edition): PageStore {
    return memcachedStore({ servers: this.memcached.address }).open({ ...context, edition });
  }

  async lose(): Promise<void> {
    await this.memcached.send('md *page:journal');
  }

  async stop(): Promise<void> {
    await this.memcached.stop();
  }
}

class FilesFleet extends Fleet {
  readonly #root = temporaryRoot();

  static async start(): Promise<Fleet> {
    return new FilesFleet();
  }

  open(edition: Edition): PageStore {
    return fileStore({ root: this.#root }).open({ ...context, edition });
  }

  async lose(): Promise<void> {
    rmSync(join(this.#root, 'page:#', 'journal-claim'), { force: true });
  }

  async stop(): Promise<void> {
    rmSync(this.#root, { recursive: true });
  }
}

afterEach(() => vi.restoreAllMocks());

describe.each([
  ['memcached', MemcachedFleet],
  ['files', FilesFleet],
])('processes of several editions, pages in %s', (_, { start }) => {
  it('the one that was started last stores pages, and those of the others go', async () => {
    await using fleet = await start();
    const one = await fleet.started(v('1'));
    expect(await one.put('/a')).toBe('stored');
    const two = await fleet.started(v('2'));
    expect(await two.paths()).toEqual([]);
    expect(await one.put('/a')).toBe('other-version');
    expect(await two.put('/a')).toBe('stored');
    // Back again.
    const back = await fleet.started(v('1'));
    expect(await back.paths()).toEqual([]);
    expect(await two.put('/a')).toBe('other-version');
    expect(await one.put('/b')).toBe('stored');
    expect(await back.put('/c')).toBe('stored');
    expect(await one.paths()).toEqual(['/b', '/c']);
  });

  it('another process of the same edition leaves them', async () => {
    await using fleet = await start();
    const one = await fleet.started(v('1'));
    await one.put('/a');
    const same = await fleet.started(v('1'));
    expect(await same.paths()).toEqual(['/a']);
    expect(await one.put('/b')).toBe('stored');
    expect(await same.put('/c')).toBe('stored');
  });

  it('a page that is being rendered meanwhile is not stored', async () => {
    await using fleet = await start();
    const one = await fleet.started(v('1'));
    await one.store.journal.look();
    const write = await beginPage(one.store, 'page:/a');
    const two = await fleet.started(v('2'));
    expect(write.refusal(new Set())).toBeUndefined();
    expect(await write.commit(page(), 0)).toEqual({ stored: false, reason: 'other-version' });
    expect(await two.paths()).toEqual([]);
    expect(write.refusal(new Set())).toBe('other-version');
  });

  it('other options count as well, and are named', async () => {
    await using fleet = await start();
    const one = await fleet.started(v('1'));
    await one.put('/a');
    const other = await fleet.started(v('1', 'other'));
    expect(await other.paths()).toEqual([]);
    expect(await one.put('/a')).toBe('other-configuration');
  });

  it('nobody stores anything before it knows who may', async () => {
    await using fleet = await start();
    expect(await fleet.process(v('1')).put('/a')).toBe('purges-unknown');
  });

  it('what says so may be lost: an older process does not come back by that', async () => {
    await using fleet = await start();
    const one = await fleet.started(v('1'));
    const two = await fleet.started(v('2'));
    await fleet.lose();
    await one.put('/a');
    // The first of these may meet a new journal.
    await two.put('/b');
    for (const { keeper } of [one, two]) await keeper.beat();
    expect(await one.put('/a')).toBe('other-version');
    expect(await two.put('/b')).toBe('stored');
    expect(await two.paths()).toEqual(['/b']);
    expect(await (await fleet.started(v('2'))).paths()).toEqual(['/b']);
  });

  it('a process that ends before the old pages are gone leaves that to the next', async () => {
    await using fleet = await start();
    const one = await fleet.started(v('1'));
    await one.put('/a');
    const two = fleet.process(v('2'));
    vi.spyOn(two.store, 'deletePages').mockRejectedValue(new Error('killed'));
    if (two.store.deleteUnder) vi.spyOn(two.store, 'deleteUnder').mockRejectedValue(new Error('killed'));
    await two.start();
    expect(await one.put('/b')).toBe('other-version');
    expect(await one.paths()).toEqual(['/a']);
    await two.kill();
    expect(await (await fleet.started(v('2'))).paths()).toEqual([]);
  });

  it('when nobody runs the latest edition any more, those that are left take over', async () => {
    await using fleet = await start();
    const one = await fleet.started(v('1'));
    const two = await fleet.started(v('2'));
    const after = async (beats: number, running: readonly Process[]) => {
      for (let beat = 0; beat < beats; beat += 1) for (const { keeper } of running) await keeper.beat();
    };
    await after(10, [one, two]);
    expect(await one.put('/a')).toBe('other-version');
    expect(await two.put('/b')).toBe('stored');
    await after(2, [one]);
    expect(await one.put('/a')).toBe('other-version');
    await after(3, [one]);
    expect(await one.paths()).toEqual([]);
    expect(await one.put('/a')).toBe('stored');
  });

  it('whatever happens in whatever order, one edition may store pages, and it is the one that was started last', async () => {
    const step = fc.oneof(
      fc.record({ start: fc.constantFrom('1', '2', '3') }),
      fc.record({ put: fc.nat() }),
      fc.record({ lose: fc.constant(true) }),
      fc.record({ keep: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        await using fleet = await start();
        const processes: [Process, version: string][] = [];
        let last = '';
        let looks = 0;
        const any = (number: number) => processes[number % processes.length]?.[0];
        for (const one of steps) {
          if ('start' in one) {
            last = one.start;
            processes.push([await fleet.started(v(last)), last]);
            // Nothing of another edition is left as soon as it is up.
            expect(await processes.at(-1)![0].paths()).toEqual(
              (await processes.at(-1)![0].paths()).filter((path) => path.startsWith(`/${last}/`)),
            );
          }
          if ('put' in one) {
            const process = any(one.put);
            const version = processes.find(([candidate]) => candidate === process)?.[1];
            await process?.put(`/${version}/page`);
          }
          if ('lose' in one) await fleet.lose();
          if ('keep' in one) {
            await any(one.keep)?.keeper.beat();
            looks += 1;
            // The one that was started last still runs: after three looks at which it has said nothing, others may take over.
            if (looks % 2 === 0) await processes.at(-1)?.[0].keeper.beat();
          }
        }
        for (const [process, version] of processes.filter(([, version]) => version === last)) {
          await process.keeper.beat();
          await process.put(`/${version}/first`);
        }
        const outcomes = await Promise.all(
          processes.map(async ([process, version], index) => [
            version === last,
            (await process.put(`/${version}/${index}`)) === 'stored',
          ]),
        );
        for (const [isLast, isStored] of outcomes) expect(isStored).toBe(isLast);
        for (const path of (await processes[0]?.[0].paths()) ?? []) expect(path).toMatch(new RegExp(`^/${last}/`));
      }),
      // The journal is lost twice, and between that a process stores a page that has not heard of the last edition.
      { numRuns: 15, examples: [[[{ start: '2' }, { start: '1' }, { lose: true }, { put: 0 }, { lose: true }]]] },
    );
  });
});
