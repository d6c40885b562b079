import { createCache } from 'cache-manager';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { memoryStore } from '../../../lib/stores/memory/memory-store.js';
import { anyPage, collect, context, page } from '../pages.js';
import { fc } from '../../support/random.js';

const open = (maxBytes?: number) => memoryStore(maxBytes === undefined ? {} : { maxBytes }).open(context);

describe('memoryStore', () => {
  afterEach(() => void vi.useRealTimers());

  it('keeps the very page', async () => {
    const cache = createCache({ stores: [open().keyv] });
    const original = page();
    await cache.set('page:/', original);
    expect(await cache.get('page:/')).toBe(original);
    expect(await cache.get('page:/other')).toBeUndefined();
  });

  it('honours the ttl to the millisecond, in listings and purges too', async () => {
    vi.useFakeTimers();
    const { keyv, keys, deletePages } = open();
    await keyv.set('page:/short', page(), 1000);
    await keyv.set('page:/long', page(), 0);
    vi.advanceTimersByTime(999);
    expect(await keyv.get('page:/short')).toBeDefined();
    expect((await collect(keys!('page:'))).sort()).toEqual(['page:/long', 'page:/short']);
    vi.advanceTimersByTime(1);
    expect(await collect(keys!('page:'))).toEqual(['page:/long']);
    expect(await keyv.get('page:/short')).toBeUndefined();
    await keyv.set('page:/short', page(), 1000);
    vi.advanceTimersByTime(1000);
    expect(await deletePages(['page:/short', 'page:/long', 'page:/none'])).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('removes the least recently used when it is full', async () => {
    const { keyv, keys } = open(4000);
    for (const name of ['a', 'b', 'c']) await keyv.set(`page:/${name}`, page('x'.repeat(1000)));
    await keyv.get('page:/a');
    await keyv.set('page:/d', page('x'.repeat(1000)));
    expect(await collect(keys!('page:'))).toEqual(['page:/c', 'page:/a', 'page:/d']);
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
        const { keyv, keys, deletePages } = open(5000);
        const sizes = new Map<string, number>();
        for (const { key: at, ...what } of operations) {
          if ('set' in what) {
            const { body, headers } = what.set;
            const size = at.length + body.length + headers.flat().join('').length;
            if (size > 5000) await expect(keyv.set(at, what.set)).rejects.toThrow(RangeError);
            else await keyv.set(at, what.set);
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
    const { keyv, keys } = open(1000);
    await keyv.set('page:/', page());
    await expect(keyv.set('page:/', page('x'.repeat(1000)))).rejects.toThrow(/more than maxBytes \(1000\)/);
    expect(await collect(keys!(''))).toEqual([]);
  });

  it('can be read and purged while it is listed', async () => {
    const { keyv, keys, deletePages } = open();
    for (let i = 0; i < 100; i++) await keyv.set(`page:/${i}`, page());
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
      expect(() => memoryStore({ maxBytes })).toThrow(/maxBytes must be a whole number of bytes/);
    }
    expect(memoryStore({ maxBytes: 10 }).limits!(context)).toEqual([expect.stringMatching(/does not fit/)]);
    expect(memoryStore().limits!(context)).toEqual([]);
  });
});
