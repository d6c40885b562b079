import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import { memcachedStore } from '../../../lib/stores/memcached/memcached-store.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { beginPage, putPage } from '../../support/put-page.js';
import { context, page } from '../pages.js';
import { purgesOf } from './purges.js';
import { type Step, steppedServer } from './stepped-client.js';

const KEY = 'page:/a';
const COPY = 'page:;stale/a';
const HEAD = '*page:journal';
const TTL = 300_000;
const STALE = { whileRevalidate: 60_000, ifError: 600_000 };

/** The operations of a rendering whose page gets a copy. */
const STEPS = [
  `getForUpdate ${HEAD}`,
  `casOf ${KEY}`,
  `casOf ${COPY}`,
  `getForUpdate ${HEAD}`,
  `compareAndSet ${KEY}`,
  `compareAndSet ${COPY}`,
  `getForUpdate ${HEAD}`,
  'set *page:tags:',
  `compareAndTouch ${KEY}`,
  'set *page:stale:',
  `compareAndTouch ${COPY}`,
] as const;
const ASK_AGAIN = 6;
const CONFIRM = 8;

const PURGES = purgesOf(KEY, 'keysToPurge');

describe('the copy of a page in memcached', () => {
  let memcached: MemcachedServer;
  let store: PageStore;
  let other: PageStore;
  let before: (step: Step) => Promise<unknown> = async () => {};
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    const copies = { ...context, keepsCopies: true };
    store = memcachedStore(steppedServer(memcached.address, (step) => before(step))).open(copies);
    // Of a process that keeps no copies: it purges them all the same.
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

  const endOlder = async () => {
    await putPage(store, KEY, { ...page('older'), tags: ['t'] }, TTL, STALE);
    await memcached.send(`md ${KEY}`);
  };
  const item = (key: string) => memcached.send(`mg ${key} v`);
  const seconds = async (key: string) => Number(/ t(\d+)/.exec(await memcached.send(`mg ${key} t`))?.[1]);
  const render = async (actions: ReadonlyMap<number, readonly (() => Promise<unknown>)[]>) => {
    const steps: Step[] = [];
    before = async (step) => {
      for (const action of actions.get(steps.push(step) - 1) ?? []) await action();
    };
    const write = await beginPage(store, KEY);
    const result = await write.commit({ ...page('old'), tags: ['t'] }, TTL, STALE);
    before = async () => {};
    const late = Array.from(actions).filter(([at]) => at >= steps.length);
    for (const action of late.flatMap(([, list]) => list)) await action();
    return { result, steps };
  };

  it('is stored and confirmed with it', async () => {
    const { result, steps } = await render(new Map());
    expect(result).toEqual({ stored: true });
    expect(steps.length).toBe(STEPS.length);
    for (const [at, step] of STEPS.entries()) expect(steps[at]).toContain(step);
    expect(await item(COPY)).toBe(await item(KEY));
    expect(await seconds(COPY)).toBeGreaterThan((await seconds(KEY)) + 590);
  });

  it('replaces an older one only when the page is confirmed: a process that ends before that leaves the older one', async () => {
    await endOlder();
    const seen: unknown[] = [];
    const look = async () => seen.push([(await item(COPY)).includes('older'), (await seconds(COPY)) > 590]);
    const { result } = await render(new Map(STEPS.slice(1).map((_, at) => [at, [look]])));
    expect(result).toEqual({ stored: true });
    expect(new Set(seen.map(String))).toEqual(new Set(['true,true']));
    expect(await item(COPY)).toMatch(/\r\nold\r\n$/);
    expect(await seconds(COPY)).toBeGreaterThan((await seconds(KEY)) + 590);
  });

  const points = Array.from({ length: STEPS.length + 1 }, (_, at) => at);
  const moments = points.flatMap((first) => points.slice(first).map((second) => ({ first, second })));

  it.each(Object.keys(PURGES))('goes with a purge between any two steps: %s', async (kind) => {
    const [scope, remove] = PURGES[kind]!;
    for (const { first, second } of moments) {
      await memcached.flush();
      await store.journal.catchUp();
      // An older page has ended, and its copy is there.
      const hasOlder = (first + second) % 2 === 0;
      if (hasOlder) await endOlder();
      const actions = new Map<number, (() => Promise<unknown>)[]>();
      actions.set(first, [() => other.journal.append(scope)]);
      actions.set(second, [...(actions.get(second) ?? []), () => remove(other)]);
      const { result } = await render(actions);
      const where = `written down before step ${first}, deleted before step ${second}, ${JSON.stringify(result)}`;
      expect([await item(KEY), await item(COPY)], where).toEqual(['EN\r\n', 'EN\r\n']);
      // An older copy is replaced at the end, and no new one is stored before the journal is asked again.
      if (first <= (hasOlder ? ASK_AGAIN - 1 : ASK_AGAIN)) expect(result, where).toMatchObject({ stored: false });
    }
  });

  it('does not replace that of another rendering, and goes with a page that does not', async () => {
    const write = await beginPage(store, KEY);
    await putPage(store, KEY, page('another'), TTL, STALE);
    await memcached.send(`md ${COPY}`);
    expect(await write.commit(page('late'), TTL, STALE)).toEqual({ stored: false, reason: 'superseded' });
    expect([await item(KEY), await item(COPY)]).toEqual([expect.stringContaining('another'), 'EN\r\n']);
  });

  it('stays unconfirmed where the page was taken before its time', async () => {
    const remove = async () => void (await other.deletePages([KEY]));
    const { result } = await render(new Map([[CONFIRM, [remove]]]));
    expect(result).toEqual({ stored: false, reason: 'evicted' });
    expect(await item(COPY)).toBe('EN\r\n');
  });

  it('that could not be replaced goes with the page that was: a refresh must not leave the former state', async () => {
    await putPage(store, KEY, page('older'), TTL, STALE);
    const { address } = memcached;
    const client = new MemcachedClient(address);
    const { compareAndSet } = client;
    client.compareAndSet = async (key, ...others) => {
      if (key === COPY) throw new Error('SERVER_ERROR out of memory storing object');
      return compareAndSet.call(client, key, ...others);
    };
    const servers = [{ address, weight: 1 }];
    const full = memcachedStore({ client: { servers, open: () => client } }).open({ ...context, keepsCopies: true });
    expect(await putPage(full, KEY, page('new'), TTL, STALE)).toEqual({ stored: true });
    await full.keyv.disconnect();
    expect([await item(KEY), await item(COPY)]).toEqual([expect.stringContaining('new'), 'EN\r\n']);
  });

  it('has no key where that would be too long', async () => {
    const key = `page:/${'x'.repeat(240)}`;
    expect(await putPage(store, key, page(), TTL, STALE)).toEqual({ stored: true });
    expect(await store.keyv.get(key)).toBeDefined();
    expect(await store.copy!(key)).toBeUndefined();
    expect(await store.deletePages([key])).toBe(1);
  });
});
