import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { responseFormat } from '../../../lib/page/response-format.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { patientStore } from '../../support/patience.js';
import { beginPage, putPage } from '../../support/put-page.js';
import { collect, context, page } from '../pages.js';

const KEY = 'page:/a b%';
const PURGE = { kind: 'paths', paths: [{ path: '/a b%' }] } as const;

describe('a page written to memcached', () => {
  let memcached: MemcachedServer;
  let store: PageStore;
  let other: PageStore;
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    const open = () => patientStore(memcached.address).open(context);
    [store, other] = [open(), open()];
    await Promise.all([store.journal.look(), other.journal.look()]);
  });
  afterAll(async () => {
    await store?.keyv.disconnect();
    await other?.keyv.disconnect();
    await memcached?.stop();
  });
  beforeEach(() => memcached.flush());

  const stored = async () => (await store.keyv.get(KEY))?.body.toString();
  const secondsLeft = async () => Number(/ t(-?\d+)/.exec(await memcached.send('mg page:/a%20b%25 t'))?.[1]);
  const purge = async (by: PageStore) => {
    await by.journal.append(PURGE);
    return by.deletePages([KEY]);
  };

  it('gets its whole time', async () => {
    expect(await putPage(store, KEY, page('first'), 300_000)).toEqual({ stored: true });
    expect(await secondsLeft()).toBeGreaterThan(265);
    expect(await secondsLeft()).toBeLessThanOrEqual(300);
    expect(await putPage(store, KEY, page('second'), 0)).toEqual({ stored: true });
    expect(await secondsLeft()).toBe(-1);
    // As nginx reads it.
    expect(await memcached.send('get page:/a%20b%25')).toBe('VALUE page:/a%20b%25 0 6\r\nsecond\r\nEND\r\n');
  });

  it('does not replace what another rendering has stored meanwhile', async () => {
    const [first, second, third] = await Promise.all([store, other, other].map((one) => beginPage(one, KEY)));
    expect(await second!.commit(page('second'), 0)).toEqual({ stored: true });
    expect(await first!.commit(page('first'), 0)).toEqual({ stored: false, reason: 'superseded' });
    const fourth = await beginPage(store, KEY);
    expect(await stored()).toBe('second');
    expect(await fourth.commit(page('fourth'), 0)).toEqual({ stored: true });
    await store.deletePages([KEY]);
    // It began when something else stood there.
    const late = await beginPage(other, KEY);
    expect(await putPage(store, KEY, page('fifth'), 0)).toEqual({ stored: true });
    expect(await late.commit(page('late'), 0)).toEqual({ stored: false, reason: 'superseded' });
    expect(await third!.commit(page('third'), 0)).toEqual({ stored: false, reason: 'superseded' });
    expect(await stored()).toBe('fifth');
  });

  it.each(['this', 'another'])('is not stored when %s process has purged it meanwhile', async (who) => {
    const write = await beginPage(store, KEY);
    await purge(who === 'this' ? store : other);
    if (who === 'this') expect(write.refusal(new Set())).toBe('purged');
    expect(await write.commit(page('old'), 0)).toEqual({ stored: false, reason: 'purged' });
    expect(await stored()).toBeUndefined();
    expect(await putPage(store, KEY, page('new'), 0)).toEqual({ stored: true });
  });

  it('is stored when something else was purged', async () => {
    const write = await beginPage(store, KEY);
    await other.journal.append({ kind: 'paths', paths: [{ path: '/other' }] });
    await other.journal.append({ kind: 'tags', tags: ['other'] });
    expect(await write.commit({ ...page('new'), tags: ['mine'] }, 0)).toEqual({ stored: true });
  });

  it('can be read back with its tags, in each format', async () => {
    const responses = patientStore(memcached.address).open({ ...context, format: responseFormat });
    await responses.journal.look();
    for (const one of [store, responses]) {
      expect(await putPage(one, KEY, { ...page('tagged'), tags: ['a', 'b'] }, 0)).toEqual({ stored: true });
      expect((await one.keyv.get(KEY))?.body.toString()).toBe('tagged');
      expect(await collect(one.tagged!(['b']))).toEqual([KEY]);
      expect(await collect(one.tagged!(['c']))).toEqual([]);
    }
    await responses.keyv.disconnect();
  });

  it('is refused under a key that no server can hold', async () => {
    const write = await beginPage(store, `page:/${'%'.repeat(100)}`);
    await expect(write.commit(page(), 0)).rejects.toThrow(/a key must be 1 to 250 bytes/);
  });

  it('has no place once it is given up', async () => {
    const write = await beginPage(store, KEY);
    write.abort();
    expect(await write.commit(page(), 0)).toEqual({ stored: false, reason: 'aborted' });
    expect(await stored()).toBeUndefined();
  });
});
