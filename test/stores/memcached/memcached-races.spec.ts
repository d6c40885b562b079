import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memcachedStore } from '../../../lib/stores/memcached/memcached-store.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { ChildProcesses } from '../../support/child-processes.js';
import { beginPage, putPage } from '../../support/put-page.js';
import { context, page } from '../pages.js';
import { purgesOf } from './purges.js';
import { type Step, steppedServer } from './stepped-client.js';

const KEY = 'page:/a';
const HEAD = '*page:journal';

/** The operations of one rendering. After the last one it has ended. */
const STEPS = [
  ['begin', `getForUpdate ${HEAD}`],
  ['look at what stands there', `casOf ${KEY}`],
  ['ask', `getForUpdate ${HEAD}`],
  ['store', `compareAndSet ${KEY}`],
  ['ask again', `getForUpdate ${HEAD}`],
  ['write the tags', 'set *page:tags:'],
  ['confirm', `compareAndTouch ${KEY}`],
] as const;

const ASK_AGAIN = 4;

const PURGES = purgesOf(KEY, 'keys');

describe('a purge between any two steps of storing a page', () => {
  let memcached: MemcachedServer;
  let store: PageStore;
  let other: PageStore;
  let before: (step: Step) => Promise<unknown> = async () => {};
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    store = memcachedStore(steppedServer(memcached.address, (step) => before(step))).open(context);
    other = memcachedStore({ servers: memcached.address }).open(context);
    await Promise.all([store.journal.look(), other.journal.look()]);
  });
  afterAll(async () => {
    await store?.keyv.disconnect();
    await other?.keyv.disconnect();
    await memcached?.stop();
  });
  beforeEach(async () => {
    before = async () => {};
    await memcached.flush();
    await store.journal.catchUp();
  });

  /** Renders and stores a page, and does something before the steps of these numbers. */
  const render = async (actions: ReadonlyMap<number, readonly (() => Promise<unknown>)[]>, renews = false) => {
    const steps: Step[] = [];
    before = async (step) => {
      for (const action of actions.get(steps.push(step) - 1) ?? []) await action();
    };
    const write = await beginPage(store, KEY, renews);
    const result = await write.commit({ ...page('old'), tags: ['t'] }, 0);
    before = async () => {};
    // It may have ended before the last step.
    const late = Array.from(actions).filter(([at]) => at >= steps.length);
    for (const action of late.flatMap(([, list]) => list)) await action();
    return { result, steps };
  };

  it('is tried at each of them', async () => {
    const { result, steps } = await render(new Map());
    expect(result).toEqual({ stored: true });
    expect(steps.length).toBe(STEPS.length);
    for (const [at, [, step]] of STEPS.entries()) expect(steps[at]).toContain(step);
  });

  const points = Array.from({ length: STEPS.length + 1 }, (_, at) => at);
  const moments = points.flatMap((first) => points.slice(first).map((second) => ({ first, second })));

  it.each(Object.keys(PURGES))('leaves nothing behind: %s', async (kind) => {
    const [scope, remove] = PURGES[kind]!;
    for (const stands of [false, true]) {
      for (const { first, second } of moments) {
        await memcached.flush();
        await store.journal.catchUp();
        if (stands) await putPage(other, KEY, { ...page('older'), tags: ['t'] });
        const actions = new Map<number, (() => Promise<unknown>)[]>();
        actions.set(first, [() => other.journal.append(scope)]);
        actions.set(second, [...(actions.get(second) ?? []), () => remove(other)]);
        const { result } = await render(actions);
        const where = `written down before step ${first}, deleted before step ${second}, ${JSON.stringify(result)}`;
        expect(await memcached.send(`mg ${KEY} v`), where).toBe('EN\r\n');
        // Later it is stored first, and then deleted.
        if (first <= ASK_AGAIN) expect(result, where).toMatchObject({ stored: false });
      }
    }
  });

  it('says what it found when it confirms', async () => {
    const remove = async () => void (await other.deletePages([KEY]));
    expect((await render(new Map([[6, [remove]]]))).result).toEqual({ stored: false, reason: 'evicted' });
    const replace = async () => {
      await other.deletePages([KEY]);
      await putPage(other, KEY, page('another'));
    };
    expect((await render(new Map([[6, [replace]]]))).result).toEqual({ stored: false, reason: 'superseded' });
    expect(await memcached.send(`mg ${KEY} v`)).toMatch(/another/);
  });

  it('of which nothing is known leaves nothing behind either', async () => {
    for (const at of [2, 3, 4]) {
      const { result } = await render(new Map([[at, [() => memcached.send(`md ${HEAD}`)]]]));
      expect(result).toEqual({ stored: false, reason: 'purges-unknown' });
      expect(await memcached.send(`mg ${KEY} v`)).toBe('EN\r\n');
    }
  });

  it('leaves a page in its place that somebody refreshes meanwhile', async () => {
    const refresh = () => other.journal.append({ kind: 'paths', paths: [{ path: '/a' }], refresh: true });
    await putPage(other, KEY, page('older'));
    const { result } = await render(new Map([[3, [refresh]]]), true);
    expect(result).toEqual({ stored: false, reason: 'refreshed' });
    expect(await memcached.send(`mg ${KEY} v t`)).toMatch(/^VA 3 t[123]\b.*\r\nold\r\n/);
    // A visitor's rendering may be older than the refresh: it goes.
    const visit = await render(new Map([[3, [refresh]]]));
    expect(visit.result).toEqual({ stored: false, reason: 'purged' });
    expect(await memcached.send(`mg ${KEY} v`)).toBe('EN\r\n');
  });
});

describe('a page that the server stores late', () => {
  it('goes by itself, when nobody has purged it', async () => {
    await using memcached = await MemcachedServer.start();
    let before: (step: Step) => Promise<unknown> = async () => {};
    const { client } = steppedServer(memcached.address, (step) => before(step), { writeTimeout: 1000 });
    const store = memcachedStore({ client }).open(context);
    await store.journal.look();
    before = async (step) => {
      if (step === `compareAndSet ${KEY}`) memcached.pause();
    };
    const write = await beginPage(store, KEY);
    await expect(write.commit(page('late'), 0)).rejects.toThrow(/set failed: no answer within 1000 ms/);
    memcached.resume();
    // Applied all the same: the kernel had it. Nobody has asked the journal.
    const item = () => memcached.send(`mg ${KEY} v t`);
    await expect.poll(item, { interval: 1 }).toMatch(/ t[123]\b.*\r\nlate/);
    await expect.poll(item).toBe('EN\r\n');
    await store.keyv.disconnect();
  });
});

describe('a process that stops after it has stored what was purged', () => {
  it.each(['SIGSTOP', 'SIGKILL'])('%s: leaves it for three seconds', async (signal) => {
    await using memcached = await MemcachedServer.start();
    await using processes = await ChildProcesses.start(STOPPING, 1, { address: memcached.address, signal });
    const other = memcachedStore({ servers: memcached.address }).open(context);
    await processes.ask(0, 'begin');
    const pid = await processes.ask<number>(0, 'pid');
    const committed = processes.ask<string>(0, 'commit').catch(String);
    await processes.ask(0, 'has asked');
    await other.journal.append({ kind: 'all' });
    expect(await other.deletePages([KEY])).toBe(0);
    const isThere = async () => (await memcached.send(`mg ${KEY} v`)) !== 'EN\r\n';
    void processes.ask(0, 'store').catch(() => {});
    await expect.poll(isThere, { interval: 1 }).toBe(true);
    const from = performance.now();
    // Stored later, for three seconds by the same clock.
    await memcached.send('ms control 1 T3\r\nx');
    const isControlThere = async () => (await memcached.send('mg control v')) !== 'EN\r\n';
    await expect.poll(isControlThere, { interval: 10 }).toBe(false);
    process.stdout.write(`${signal}: there for up to ${(performance.now() - from).toFixed(0)} ms\n`);
    expect(await isThere()).toBe(false);
    if (signal === 'SIGSTOP') {
      process.kill(pid, 'SIGCONT');
      expect(await committed).toEqual({ stored: false, reason: 'purged' });
      expect(await isThere()).toBe(false);
    }
    await other.keyv.disconnect();
  });
});

/** Stops itself when memcached has stored the page, before it knows whether it was purged. */
const STOPPING = `
import { MemcachedClient } from './lib/stores/memcached/memcached-client.js';
import { memcachedStore } from './lib/stores/memcached/memcached-store.js';
import { bodyFormat } from './lib/page/body-format.js';
const { address, signal } = JSON.parse(process.argv[2]!);
let open!: () => void;
const opened = new Promise<void>((resolve) => (open = resolve));
let reach!: () => void;
const reached = new Promise<void>((resolve) => (reach = resolve));
const client = new MemcachedClient(address);
const { compareAndSet, getForUpdate } = client;
let isReached = false;
client.compareAndSet = async (key, ...others) => {
  if (key !== '${KEY}') return compareAndSet.call(client, key, ...others);
  isReached = true;
  reach();
  await opened;
  const version = await compareAndSet.call(client, key, ...others);
  process.kill(process.pid, signal);
  return version;
};
client.getForUpdate = async (key) => {
  if (isReached) await opened;
  return getForUpdate.call(client, key);
};
const store = memcachedStore({ client: { servers: [{ address, weight: 1 }], open: () => client } }).open({
  format: bodyFormat([]), prefix: 'page:', maxPageBytes: 1e6, compress: false, mustList: false,
});
let write: any;
async function answer(question: string): Promise<unknown> {
  if (question === 'pid') return process.pid;
  if (question === 'begin') {
    await store.journal.look();
    const arrival = { position: store.journal.window.position, time: Date.now() };
    const address = { key: '${KEY}', path: '/a', target: '/a', host: undefined, variants: {} };
    write = await store.begin(address, { arrival, renews: false });
    return;
  }
  if (question === 'has asked') return reached;
  if (question === 'store') return open();
  return write.commit({ status: 200, headers: [], body: Buffer.from('old') }, 0);
}
`;
