import { createCache } from 'cache-manager';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compress } from '../../../lib/http/codings.js';
import { memoryStore } from '../../../lib/stores/memory/memory-store.js';
import { putPage } from '../../support/put-page.js';
import { anyPage, collect, context, page } from '../pages.js';
import { fc } from '../../support/random.js';

const open = (maxBytes?: number) => memoryStore(maxBytes === undefined ? {} : { maxBytes }).open(context);

describe('memoryStore', () => {
  afterEach(() => void vi.useRealTimers());
  afterEach(() => void vi.restoreAllMocks());

  it('keeps the very page', async () => {
    const store = open();
    const cache = createCache({ stores: [store.keyv] });
    const original = { ...page(), body: Buffer.alloc(10, 'x') };
    expect(await putPage(store, 'page:/', original)).toEqual({ stored: true });
    expect(await cache.get('page:/')).toBe(original);
    expect(await cache.get('page:/other')).toBeUndefined();
  });

  it('honours the ttl to the millisecond, in listings and purges too', async () => {
    vi.useFakeTimers();
    // Nothing is taken off the ttl.
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const store = open();
    const { keyv, keys, deletePages } = store;
    await putPage(store, 'page:/short', page(), 1000);
    await putPage(store, 'page:/long', page(), 0);
    vi.advanceTimersByTime(999);
    expect(await keyv.get('page:/short')).toBeDefined();
    expect((await collect(keys!('page:'))).sort()).toEqual(['page:/long', 'page:/short']);
    vi.advanceTimersByTime(1);
    expect(await collect(keys!('page:'))).toEqual(['page:/long']);
    expect(await keyv.get('page:/short')).toBeUndefined();
    await putPage(store, 'page:/short', page(), 1000);
    vi.advanceTimersByTime(1000);
    expect(await deletePages(['page:/short', 'page:/long', 'page:/none'])).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends pages and copies in time when the clock is set back', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const store = open();
    const stale = { whileRevalidate: 0, ifError: 20 };
    await putPage(store, 'page:/', page(), 20);
    await putPage(store, 'page:/copied', page(), 20, stale);
    await putPage(store, 'page:/long', page(), 3_000_000);
    vi.setSystemTime(Date.now() - 3_600_000);
    expect(await store.keyv.get('page:/long')).toBeDefined();
    await expect.poll(() => store.keyv.get('page:/')).toBeUndefined();
    await expect.poll(() => store.copy!('page:/copied')).toBeUndefined();
    expect(await collect(store.keys!('page:'))).toEqual(['page:/long']);
  });

  it('removes the least recently used when it is full', async () => {
    const store = open(4000);
    const { keyv, keys } = store;
    for (const name of ['a', 'b', 'c']) await putPage(store, `page:/${name}`, page('x'.repeat(1000)));
    await keyv.get('page:/a');
    await putPage(store, 'page:/d', page('x'.repeat(1000)));
    expect(await collect(keys!('page:'))).toEqual(['page:/c', 'page:/a', 'page:/d']);
  });

  it('keeps no more than the bytes that it counts', async () => {
    const store = open();
    const packed = await compress(Buffer.from('<p>Hello</p>'.repeat(100)));
    for (const body of [packed!, Buffer.from('<p>')]) {
      await putPage(store, 'page:/', { ...page(), body });
      const { body: kept } = (await store.keyv.get('page:/'))!;
      expect(kept).toEqual(body);
      expect(kept.buffer.byteLength).toBe(body.length);
    }
  });

  it('never holds more than maxBytes, and all that fits', async () => {
    const key = fc.integer({ min: 0, max: 20 }).map((i) => `page:/${i}`);
    const operation = fc.oneof(
      fc.record({ key, set: anyPage }),
      fc.record({ key, remove: fc.constant(true) }),
      fc.record({ key }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const store = open(5000);
        const { keyv, keys, deletePages } = store;
        const sizes = new Map<string, number>();
        for (const { key: at, ...what } of operations) {
          if ('set' in what) {
            const { body, headers } = what.set;
            const size = at.length + body.length + headers.flat().join('').length;
            if (size > 5000) await expect(putPage(store, at, what.set)).rejects.toThrow(RangeError);
            else await putPage(store, at, what.set);
            sizes.delete(at);
            if (size <= 5000) sizes.set(at, size);
          } else if ('remove' in what) {
            await deletePages([at]);
            sizes.delete(at);
          } else if (await keyv.get(at)) {
            const size = sizes.get(at)!;
            sizes.delete(at);
            sizes.set(at, size);
          }
          let total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
          for (const [oldest, size] of sizes) {
            if (total <= 5000) break;
            sizes.delete(oldest);
            total -= size;
          }
          expect(await collect(keys!(''))).toEqual([...sizes.keys()]);
        }
      }),
    );
  });

  it('refuses a page larger than itself, and drops the old one', async () => {
    const store = open(1000);
    const { keys } = store;
    await putPage(store, 'page:/', page());
    await expect(putPage(store, 'page:/', page('x'.repeat(1000)))).rejects.toThrow(/more than maxBytes \(1000\)/);
    expect(await collect(keys!(''))).toEqual([]);
  });

  it('can be read and purged while it is listed', async () => {
    const store = open();
    const { keyv, keys, deletePages } = store;
    for (let i = 0; i < 100; i++) await putPage(store, `page:/${i}`, page());
    let seen = 0;
    for await (const key of keys!('page:')) {
      seen += 1;
      await keyv.get(key);
      await deletePages(['page:/99']);
    }
    expect(seen).toBeGreaterThanOrEqual(99);
    await keyv.clear();
    expect(await collect(keys!(''))).toEqual([]);
  });

  it('checks its option', () => {
    for (const maxBytes of [0, -1, 1.5, NaN, '1' as unknown as number]) {
      expect(() => memoryStore({ maxBytes })).toThrow(
        /^memoryStore\.maxBytes: .* it must be a whole number of bytes from 1$/,
      );
    }
    expect(memoryStore({ maxBytes: 10 }).limits!(context)).toEqual([expect.stringMatching(/does not fit/)]);
    expect(memoryStore().limits!(context)).toEqual([]);
  });
});
