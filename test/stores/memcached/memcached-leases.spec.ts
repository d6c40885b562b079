import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import { MemcachedError } from '../../../lib/stores/memcached/memcached-error.js';
import { MemcachedLeases } from '../../../lib/stores/memcached/memcached-leases.js';
import { memcachedStore } from '../../../lib/stores/memcached/memcached-store.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { addressOf } from '../../support/put-page.js';
import { context } from '../pages.js';

describe('the right to render a page, in memcached', () => {
  let memcached: MemcachedServer;
  beforeEach(async () => {
    memcached = await MemcachedServer.start();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    vi.useRealTimers();
    await memcached?.stop();
  });

  it('is given back when the rendering cannot begin, because the journal could not be read', async () => {
    const stores = [1, 2].map(() => memcachedStore({ servers: memcached.address }).open(context));
    const [one, other] = stores;
    const arrival = { position: 0, time: Date.now() };
    vi.spyOn(MemcachedClient.prototype, 'getForUpdate').mockRejectedValueOnce(
      new MemcachedError(memcached.address, 'get', 'no answer within 1000 ms'),
    );
    await expect(one!.begin(addressOf('page:/'), { arrival, renews: false, leads: true })).rejects.toThrow('no answer');
    await expect.poll(async () => (await other!.lease!('page:/', undefined)).kind).toBe('granted');
    await Promise.all(stores.map(({ keyv }) => keyv.disconnect()));
  });

  it('has no timer any more when memcached has lost it', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const client = new MemcachedClient(memcached.address);
    const leases = new MemcachedLeases(client, '*page:lease:');
    const answer = await leases.take('page:/', undefined);
    if (answer.kind !== 'granted') throw new Error(answer.kind);
    await memcached.restart();
    // It is renewed, and not found.
    vi.advanceTimersByTime(250);
    await expect.poll(() => answer.lease.isHeld).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    await client.close();
  });
});
