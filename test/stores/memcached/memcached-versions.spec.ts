import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memcachedStore } from '../../../lib/stores/memcached/memcached-store.js';
import type { PageStore, PageVersions } from '../../../lib/stores/page-store.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { context, page } from '../pages.js';

const KEY = 'page:/a b%';

describe('versions of a page in memcached', () => {
  let memcached: MemcachedServer;
  let store: PageStore;
  let versions: PageVersions;
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    store = memcachedStore({ servers: memcached.address }).open(context);
    versions = store.versions!;
  });
  afterAll(async () => {
    await store?.keyv.disconnect();
    await memcached?.stop();
  });
  beforeEach(() => memcached.flush());

  const stored = async () => (await store.keyv.get(KEY))?.body.toString();
  const secondsLeft = async () => Number(/ t(-?\d+)/.exec(await memcached.send('mg page:/a%20b%25 t'))?.[1]);

  it('are replaced by whoever knows what stands there', async () => {
    expect(await versions.of(KEY)).toBeUndefined();
    const first = await versions.replace(KEY, page('first'), 10_000, undefined);
    expect(await versions.of(KEY)).toBe(first);
    expect(await versions.replace(KEY, page('late'), 10_000, undefined)).toBeUndefined();
    expect(await stored()).toBe('first');
    const second = await versions.replace(KEY, page('second'), 10_000, first);
    expect(second).not.toBe(first);
    expect(await versions.replace(KEY, page('late'), 10_000, first)).toBeUndefined();
    expect(await stored()).toBe('second');
  });

  it('get their time, and only their own', async () => {
    const first = await versions.replace(KEY, page('first'), 10_000, undefined);
    expect(await secondsLeft()).toBeLessThanOrEqual(10);
    await versions.confirm(KEY, page('first'), 300_000, first!);
    expect(await secondsLeft()).toBeGreaterThan(290);
    const second = await versions.replace(KEY, page('second'), 10_000, await versions.of(KEY));
    // Who had stored what is not there any more comes late.
    await versions.confirm(KEY, page('first'), 300_000, first!);
    expect(await secondsLeft()).toBeLessThanOrEqual(10);
    await versions.confirm(KEY, page('second'), 0, second!);
    expect(await secondsLeft()).toBe(-1);
    expect(await stored()).toBe('second');
    // As nginx reads it.
    expect(await memcached.send('get page:/a%20b%25')).toBe('VALUE page:/a%20b%25 0 6\r\nsecond\r\nEND\r\n');
  });

  it('are withdrawn, and only themselves', async () => {
    const first = await versions.replace(KEY, page('first'), 10_000, undefined);
    const second = await versions.replace(KEY, page('second'), 10_000, first);
    await versions.withdraw(KEY, first!);
    expect(await stored()).toBe('second');
    await versions.withdraw(KEY, second!);
    expect(await stored()).toBeUndefined();
    await versions.withdraw(KEY, second!);
    await versions.confirm(KEY, page('second'), 0, second!);
    expect(await stored()).toBeUndefined();
  });

  it('of a key that no server can hold there are none', async () => {
    expect(await versions.of(`page:/${'%'.repeat(100)}`)).toBeUndefined();
  });
});
