import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bodyFormat } from '../../lib/page/body-format.js';
import type { Page } from '../../lib/page/page.js';
import { memcachedStore } from '../../lib/stores/memcached/memcached-store.js';
import type { PageStore } from '../../lib/stores/page-store.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { putPage } from '../support/put-page.js';
import { collect, context, HTML } from '../stores/pages.js';
import { generator } from '../support/random.js';

const page = (tags: readonly string[], size = 100): Page => ({
  status: 200,
  headers: HTML,
  body: Buffer.alloc(size, 'x'),
  tags,
});

describe('the tags of pages in memcached', () => {
  let memcached: MemcachedServer;
  let store: PageStore;
  const start = async (...args: string[]) => {
    await stop();
    memcached = await MemcachedServer.start({ args });
    store = open('page:');
  };
  const open = (prefix: string) =>
    memcachedStore({ servers: memcached.address }).open({ ...context, prefix, format: bodyFormat([]) });
  const stop = async () => {
    await store?.keyv.disconnect();
    await memcached?.stop();
  };
  const put = (key: string, one: Page, into = store) => putPage(into, key, one);
  const tagged = async (...tags: string[]) => (await collect(store.tagged!(tags))).sort();
  const companions = async () => {
    const dump = await memcached.send('lru_crawler metadump hash');
    return Array.from(dump.matchAll(/^key=(%2Apage%3Atags%3A\S+)/gm), ([, key]) => decodeURIComponent(key!));
  };
  const items = async () => Number(/STAT curr_items (\d+)/.exec(await memcached.send('stats'))?.[1]);
  beforeEach(() => start());
  afterEach(stop);

  it('are those of the last page at a key', async () => {
    await put('page:/a', page(['x', 'y']));
    await put('page:/b', page(['y']));
    await put('page:/c', page([]));
    expect(await tagged('x')).toEqual(['page:/a']);
    expect(await tagged('y')).toEqual(['page:/a', 'page:/b']);
    expect(await tagged('x', 'z')).toEqual(['page:/a']);
    expect(await tagged('z')).toEqual([]);
    await put('page:/a', page(['z', 'ü "quoted"']));
    expect(await tagged('x')).toEqual([]);
    expect(await tagged('ü "quoted"')).toEqual(['page:/a']);
    await put('page:/a', page([]));
    expect(await tagged('x', 'y', 'z')).toEqual(['page:/b']);
  });

  it('a page whose tags are lost goes with every tag', async () => {
    await put('page:/a', page(['x']));
    await put('page:/b', page(['y']));
    for (const key of await companions()) await memcached.send(`md ${key}`);
    expect(await tagged('z')).toEqual(['page:/a', 'page:/b']);
  });

  it.each(['', 'x', '{}', '["z"]', '[]', '["x","y"]'])(
    'a page whose tags are not what they were goes, too: %s',
    async (text) => {
      await put('page:/a', page(['x']));
      const [key] = await companions();
      await memcached.send(`ms ${key} ${text.length}\r\n${text}`);
      expect(await tagged('other')).toEqual(['page:/a']);
    },
  );

  it('what is left of a page that is lost takes nothing', async () => {
    await put('page:/a', page(['x']));
    await memcached.send('md page:/a');
    expect(await tagged('x')).toEqual([]);
    await put('page:/a', page([]));
    expect(await tagged('x')).toEqual([]);
  });

  it('belong to one prefix', async () => {
    const other = open('other:');
    const inside = open('page');
    for (const [one, prefix] of [
      [store, 'page:'],
      [other, 'other:'],
      [inside, 'page'],
    ] as const) {
      await put(`${prefix}/a`, page(['x']), one);
      await one.journal.append({ kind: 'all' });
    }
    const { position } = other.journal.window;
    await store.journal.append({ kind: 'all' });
    await other.journal.catchUp();
    expect(other.journal.window.since(position)).toEqual([]);
    expect(await tagged('x')).toEqual(['page:/a']);
    expect(await store.deletePages(await tagged('x'))).toBe(1);
    expect((await memcached.keys()).sort()).toEqual(['other:/a', 'page/a']);
    expect(await collect(other.tagged!(['x']))).toEqual(['other:/a']);
    await Promise.all([other.keyv.disconnect(), inside.keyv.disconnect()]);
  });

  it('of 10,000 pages that are rendered again and again take no more room', async () => {
    await start('-m', '64');
    const render = async (round: number) => {
      for (let at = 0; at < 10_000; at += 500) {
        await Promise.all(
          Array.from({ length: 500 }, (_, index) => {
            const key = at + index;
            return put(`page:/${key}`, page([`thing:${key % 100}`, `round:${round % 3}`]));
          }),
        );
      }
    };
    await render(0);
    const before = await items();
    // Page and tags, and the journal.
    expect(before).toBe(20_001);
    // By hand: ROUNDS=200 for two million.
    for (let round = 1; round < Number(process.env['ROUNDS'] ?? 2); round += 1) await render(round);
    expect(await items()).toBe(before);
    expect(await tagged('thing:7')).toHaveLength(100);
    expect(await tagged('thing:100')).toEqual([]);
  });

  it('are never taken for known while memcached drops items all the time', async () => {
    await start('-m', '8');
    // As much as the pages, so that both are dropped.
    const long = 'x'.repeat(1000);
    const random = generator();
    const truth = new Map<string, readonly string[]>();
    let [missed, taken, needed, evictions] = [0, 0, 0, 0];
    for (let round = 0; round < 8; round += 1) {
      for (let at = 0; at < 3000; at += 100) {
        await Promise.all(
          Array.from({ length: 100 }, async () => {
            const key = `page:/${Math.floor(random() * 10_000)}`;
            const tags = [`thing:${Math.floor(random() * 50)}`, `thing:${Math.floor(random() * 50)}`, long];
            const before = truth.get(key);
            if (before === busy) return;
            truth.set(key, busy);
            const { stored } = await put(key, page(tags, 100 + random() * 3000));
            truth.set(key, stored ? tags : (before ?? []));
          }),
        );
      }
      const tag = `thing:${round}`;
      const found = await tagged(tag);
      const all = new Set(found);
      for (const key of await collect(store.keys!('page:'))) {
        const concerned = truth.get(key)!.includes(tag);
        if (concerned) needed += 1;
        if (concerned && !all.has(key)) missed += 1;
      }
      taken += found.length;
      await store.deletePages(found);
    }
    evictions = Number(/STAT evictions (\d+)/.exec(await memcached.send('stats'))?.[1]);
    expect(missed).toBe(0);
    expect(needed).toBeGreaterThan(20);
    expect(taken).toBeGreaterThanOrEqual(needed);
    expect(evictions).toBeGreaterThan(1000);
  });
});

const busy: readonly string[] = [];
