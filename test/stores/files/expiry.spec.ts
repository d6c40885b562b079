import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NginxServer } from '../../../lib/testing/index.js';
import type { ExpiryIndex } from '../../../lib/stores/files/expiry-index.js';
import { ExpiryKeeper } from '../../../lib/stores/files/expiry-keeper.js';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import type { Leases } from '../../../lib/stores/files/leases.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { temporaryRoot } from '../../support/files-site.js';
import { putPage } from '../../support/put-page.js';
import { collect, context, page } from '../pages.js';
import { startFilesNginx } from './files-nginx.js';
import { StoreProgram } from './store-process.js';
import { closeWhenDeleted } from '../../support/deletions.js';
import { entriesBelow } from '../../support/entries-below.js';

const GRACE = 2000;
/** What a busy machine may add to a timer, in milliseconds. */
const LATE = 100;

/** Stores one page with a ttl and one without, says so, and lives on. */
const STORES_AND_WAITS = `
  import { fileStore } from 'file-store';
  import { bodyFormat } from 'body-format';
  import { putPage } from 'put-page';
  const [root, ttl] = process.argv.slice(2);
  const store = fileStore({ root, grace: ${GRACE} }).open(
    { format: bodyFormat([]), prefix: 'page:', maxPageBytes: 1e6, compress: false, mustList: false });
  const page = { status: 200, headers: [], body: Buffer.from('child') };
  await putPage(store, 'page:/kept', page, 0);
  const expires = Date.now() + Number(ttl);
  await putPage(store, 'page:/child', page, Number(ttl));
  console.log(expires);
  setInterval(() => {}, 1000);
`;

describe('a page whose time is over', () => {
  let root: string;
  let nginx: NginxServer;
  let program: StoreProgram;
  const stores: PageStore[] = [];
  const open = () => {
    const store = fileStore({ root, grace: GRACE }).open(context);
    stores.push(store);
    return store;
  };
  const isServed = async (path: string) => {
    const { status } = await fetch(nginx.url + path);
    expect([200, 502]).toContain(status);
    return status === 200;
  };
  /** Asks until it is not served any more. @returns when the last answer with it began */
  const servedUntil = async (path: string) => {
    let last = 0;
    for (;;) {
      const start = Date.now();
      if (!(await isServed(path))) return last;
      last = start;
      await sleep(2);
    }
  };

  beforeAll(async () => {
    program = await StoreProgram.build(STORES_AND_WAITS);
  });
  afterAll(() => program?.dispose());
  beforeEach(async () => {
    root = temporaryRoot();
    nginx = await startFilesNginx({ root });
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map(({ keyv }) => keyv.disconnect()));
    await nginx.stop();
    rmSync(root, { recursive: true });
  });

  it.each([1, 300, 1500])('is not served after %s ms, to the point', async (ttl) => {
    const store = open();
    await store.keyv.get('page:/a');
    const served = async () => {
      const start = Date.now();
      await putPage(store, 'page:/a', page(), ttl);
      const stored = Date.now();
      const last = await servedUntil('/a');
      // Up to a tenth of the ttl is taken off.
      return { tooShort: Date.now() < start + ttl * 0.9, tooLong: last - stored >= ttl + LATE };
    };
    // A busy machine delays one page or another. A store that is late is late with all of them.
    await expect.poll(served).toEqual({ tooShort: false, tooLong: false });
    expect(await store.keyv.get('page:/a')).toBeUndefined();
    await expect.poll(() => collect(store.keys!(''))).toEqual([]);
  });

  it('stays when it has been stored again meanwhile', async () => {
    const [one, other] = [open(), open()];
    await putPage(one, 'page:/a', page('first'), 300);
    await putPage(other, 'page:/a', page('second'), 60_000);
    await putPage(one, 'page:/b', page('first'), 300);
    await putPage(other, 'page:/b', page('second'), 0);
    await sleep(600);
    // On a busy machine, nginx may have to wait until the processes have looked for what is over.
    await expect.poll(() => isServed('/a')).toBe(true);
    await expect.poll(() => isServed('/b')).toBe(true);
  });

  it('is removed by any process, also when the one that stored it has been killed', async () => {
    open();
    const child = await program.start([root, '5000']);
    const expires = Number(child.output());
    expect(await isServed('/child')).toBe(true);
    await child.kill();
    expect((await servedUntil('/child')) - expires).toBeLessThan(LATE);
    expect(await isServed('/kept')).toBe(true);
  });

  it('is served for `grace` at most when no process runs, and not when one starts again', async () => {
    let [expires, killed] = [0, 0];
    // On a busy machine, the first one may live until it has removed its page.
    for (; expires - killed < 200; killed = Date.now()) {
      const child = await program.start([root, '1000']);
      expires = Number(child.output());
      await child.kill();
    }
    const last = await servedUntil('/child');
    // Nobody removed it, so it was served too long, but not longer than that.
    expect(last).toBeGreaterThan(expires);
    expect(last - killed).toBeLessThanOrEqual(GRACE + 1000);
    expect(last - killed).toBeGreaterThan(GRACE - 1500);
    expect(await isServed('/kept')).toBe(true);
    const { keyv, keys } = open();
    const asked = Promise.all(
      Array.from({ length: 50 }, (_, index) => sleep(index * 2).then(() => isServed('/child'))),
    );
    expect(await keyv.get('page:/child')).toBeUndefined();
    expect(await collect(keys!(''))).toEqual(['page:/kept']);
    expect(await asked).not.toContain(true);
  });

  it('was served while the processes changed', async () => {
    const child = await program.start([root, '60000']);
    await child.kill();
    expect(await isServed('/child')).toBe(true);
    open();
    await sleep(GRACE + 1500);
    await expect.poll(() => isServed('/child')).toBe(true);
  });

  it('leaves nothing behind, whoever has replaced or deleted it', async () => {
    const [one, other] = [open(), open()];
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
      await putPage(one, `page:/${name}`, page(), 1000);
      await putPage(other, `page:/${name}`, page(), index % 2 ? 0 : 1500);
    }
    await one.deletePages(['page:/a', 'page:/b']);
    await expect.poll(() => isServed('/c')).toBe(false);
    expect(await isServed('/d')).toBe(true);
    await closeWhenDeleted(root, ...stores.splice(0));
    const names = (directory: string) =>
      entriesBelow(join(root, 'page:#', directory))
        .filter((entry) => !entry.isDirectory())
        .map(({ name }) => name);
    expect(names('pages').toSorted()).toEqual(['kept', 'page']);
    expect([...names('expiry'), ...names('tmp')]).toEqual([]);
  });

  describe('by a clock that is set back', () => {
    let back = 0;
    beforeEach(() => {
      const { now } = Date;
      back = 0;
      vi.spyOn(Date, 'now').mockImplementation(() => now() - back);
    });
    afterEach(() => void vi.restoreAllMocks());
    const DAY = 86_400_000;

    it('is not served for longer, nor is any other that has one', async () => {
      const store = open();
      await putPage(store, 'page:/a', page(), 60_000);
      await putPage(store, 'page:/b', page(), DAY);
      await putPage(store, 'page:/kept', page(), 0);
      expect(await isServed('/b')).toBe(true);
      back = 3_600_000;
      await expect.poll(() => collect(store.keys!(''))).toEqual(['page:/kept']);
      // From now on it is as ever.
      expect(await putPage(store, 'page:/a', page(), 60_000)).toEqual({ stored: true });
      await sleep(1500);
      expect(await collect(store.keys!(''))).toContain('page:/a');
    });

    it('is not served when a process starts that does not know of it', async () => {
      const store = open();
      await putPage(store, 'page:/a', page(), 60_000);
      await putPage(store, 'page:/kept', page(), 0);
      await store.keyv.disconnect();
      back = 3_600_000;
      const other = open();
      expect(await other.keyv.get('page:/a')).toBeUndefined();
      expect(await other.keyv.get('page:/kept')).toBeDefined();
    });
  });
});

describe('ExpiryKeeper', () => {
  it('lets nginx go on only while it can remove what is due', async () => {
    const expire = vi.fn<() => Promise<void>>(async () => {});
    const renew = vi.fn<() => Promise<void>>(async () => {});
    const index = {
      periods: async () => [1],
      entries: async () => [{ name: 'x', modified: 0, expires: 1, ttl: 1, tagged: false }],
      close: async () => {},
    };
    expire.mockRejectedValue(new Error('EIO'));
    const keeper = new ExpiryKeeper(
      index as unknown as ExpiryIndex,
      { renew } as unknown as Leases,
      2000,
      expire,
      async () => {},
    );
    await expect(keeper.ready()).rejects.toThrow('EIO');
    expect(renew).not.toHaveBeenCalled();
    expire.mockResolvedValue();
    await keeper.ready();
    expect(renew).toHaveBeenCalledOnce();
    await keeper.close();
  });

  it('removes at once what has ended meanwhile, without a negative timeout', async () => {
    const expire = vi.fn<() => Promise<void>>(async () => {});
    const index = { periods: async () => [], entries: async () => [], close: async () => {} };
    const leases = { renew: async () => {} };
    const keeper = new ExpiryKeeper(
      index as unknown as ExpiryIndex,
      leases as unknown as Leases,
      2000,
      expire,
      async () => {},
    );
    await keeper.ready();
    const timers = vi.spyOn(globalThis, 'setTimeout');
    keeper.watch({ name: 'x', modified: 0, expires: Date.now() - 5000, ttl: 1, tagged: false });
    // Node 22 warns of them (TimeoutNegativeWarning).
    expect(timers.mock.calls.map(([, milliseconds]) => milliseconds)).toEqual([0]);
    timers.mockRestore();
    await expect.poll(() => expire.mock.calls.length).toBe(1);
    await keeper.close();
  });
});
