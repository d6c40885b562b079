import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gzipSync } from 'node:zlib';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import type { PurgeScope } from '../../../lib/stores/journal/purge-scope.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { temporaryRoot } from '../../support/files-site.js';
import { Gate } from '../../support/gate.js';
import { beginPage, putPage } from '../../support/put-page.js';
import { collect, context, page } from '../pages.js';
import { closeWhenDeleted } from '../../support/deletions.js';
import { entriesBelow } from '../../support/entries-below.js';

/** What happens before a call for a path that ends so, once: by the name of the call and the end of the path. */
const { before } = vi.hoisted(() => ({ before: new Map<string, () => Promise<unknown>>() }));
vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  const hooked =
    <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      for (const [point, run] of before) {
        const [which, end = ''] = point.split(' ');
        if (which !== name || !args.some((arg) => typeof arg === 'string' && arg.endsWith(end))) continue;
        before.delete(point);
        await run();
      }
      return call(...args);
    };
  const { link, mkdir, open, rename, rmdir, symlink, unlink } = actual;
  return {
    ...actual,
    link: hooked('link', link),
    mkdir: hooked('mkdir', mkdir),
    open: hooked('open', open),
    rename: hooked('rename', rename),
    rmdir: hooked('rmdir', rmdir),
    symlink: hooked('symlink', symlink),
    unlink: hooked('unlink', unlink),
  };
});

const KEY = 'page:/a/b';
const packed = (text: string) => ({ ...page(gzipSync(text)), contentEncoding: 'gzip' as const, tags: ['x'] });

describe('a page that is stored', () => {
  let root: string;
  /** As two processes have them. */
  let [one, other]: PageStore[] = [];
  beforeEach(async () => {
    root = temporaryRoot();
    [one, other] = [1, 2].map(() => fileStore({ root }).open({ ...context, compress: true }));
    for (const store of [one, other]) await store!.journal.look();
    // The first look at all pages is over.
    await putPage(one!, 'page:/first', page());
  });
  afterEach(async () => {
    before.clear();
    for (const store of [one, other]) await store!.keyv.disconnect();
    rmSync(root, { recursive: true });
  });
  const body = async () => (await other!.keyv.get(KEY))?.body;
  const files = (directory: string) =>
    entriesBelow(join(root, 'page:#', directory))
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name)
      .toSorted();

  const purges: [string, PurgeScope, () => Promise<unknown>][] = [
    ['its path', { kind: 'paths', paths: [{ path: '/a/b' }] }, () => other!.deletePages([KEY])],
    ['a path above', { kind: 'under', path: '/a' }, () => other!.deleteUnder!('/a')],
    ['everything', { kind: 'all' }, () => other!.deleteUnder!('')],
    ['a tag', { kind: 'tags', tags: ['x'] }, async () => other!.deletePages(await collect(other!.tagged!(['x'])))],
    [
      'an expression',
      { kind: 'matching', source: 'b$', flags: '' },
      async () => other!.deletePages((await collect(other!.keysToPurge!('page:'))).filter((key) => key.endsWith('b'))),
    ],
  ];
  const steps = [
    ['its directory is there', 'symlink /link', 'purged'],
    ['the packed form is written', 'open /page.gz', 'purged'],
    ['the body is written', 'open /page', 'purged'],
    ['it was checked', 'rename /expiring', 'evicted'],
    ['it was checked, without a ttl', 'rename /kept', 'evicted'],
  ] as const;

  describe.each(purges)('and purged with %s', (_, scope, remove) => {
    it.each(steps)('before %s is not there', async (_step, point, reason) => {
      let isPurged = false;
      before.set(point, async () => {
        await other!.journal.append(scope);
        await remove();
        isPurged = true;
      });
      const ttl = point.endsWith('kept') ? 0 : 60_000;
      expect(await putPage(one!, KEY, packed('old'), ttl)).toEqual({ stored: false, reason });
      expect(isPurged).toBe(true);
      expect(await body()).toBeUndefined();
      await closeWhenDeleted(root, one!, other!);
      expect(files('pages').filter((name) => name !== 'kept' && name !== 'page')).toEqual([]);
      expect([...files('expiry'), ...files('tmp')]).toEqual([]);
    });

    it.each([
      ['link /page', 'purged'],
      ['rename /expiring', 'evicted'],
    ])('with the content that is stored already, before %s is not there', async (point, reason) => {
      await putPage(one!, KEY, packed('old'), 60_000);
      before.set(point, async () => {
        await other!.journal.append(scope);
        await remove();
      });
      expect(await putPage(one!, KEY, packed('old'), 60_000)).toEqual({ stored: false, reason });
      expect(before.size).toBe(0);
      expect(await body()).toBeUndefined();
    });

    it('afterwards is not there', async () => {
      expect(await putPage(one!, KEY, packed('old'), 60_000)).toEqual({ stored: true });
      await other!.journal.append(scope);
      await remove();
      expect(await body()).toBeUndefined();
    });
  });

  it.each([60_000, 0])('does not harm a younger one that came to the same place, with a ttl of %i', async (ttl) => {
    before.set(ttl === 0 ? 'rename /kept' : 'rename /expiring', async () => {
      await other!.journal.append({ kind: 'all' });
      await other!.deleteUnder!('');
      expect(await putPage(other!, KEY, packed('new'), ttl)).toEqual({ stored: true });
    });
    expect(await putPage(one!, KEY, packed('old'), ttl)).toEqual({ stored: false, reason: 'evicted' });
    expect(await body()).toEqual(packed('new').body);
  });

  it.each([
    [60_000, 60_000],
    [0, 0],
    [60_000, 0],
    [0, 60_000],
  ])('at the same time by two processes is of one of them, with ttls of %i and %i', async (first, second) => {
    before.set(first === 0 ? 'rename /kept' : 'rename /expiring', async () => {
      expect(await putPage(other!, KEY, packed('second'), second)).toEqual({ stored: true });
    });
    expect(await putPage(one!, KEY, packed('first'), first)).toEqual({ stored: true });
    expect(await body()).toEqual(packed('first').body);
    // The one page, and the one from the beginning.
    expect(files('pages').filter((name) => name === 'page')).toHaveLength(2);
    expect(files('expiry')).toHaveLength(first === 0 ? 0 : 1);
  });

  describe('and whose time is over before it comes to its place', () => {
    const stale = { whileRevalidate: 600_000, ifError: 600_000 };

    it.each([
      ['its draft is taken away, has a copy', 'unlink /link', { stored: true }],
      ['the draft is deleted, is not stored', 'unlink /page', { stored: false, reason: 'evicted' }],
    ])('before %s', async (_, point, result) => {
      // It would take the draft, too.
      await other!.keyv.disconnect();
      const removal = new Gate();
      before.set('rename /expiring', () => removal.reached);
      before.set(point, () => removal.pass());
      expect(await putPage(one!, KEY, packed('page'), 1, stale)).toEqual(result);
      removal.open();
      await expect.poll(() => collect(one!.keys!(KEY))).toEqual([]);
      await one!.keyv.disconnect();
      const copy = await other!.copy!(KEY);
      expect(copy?.page.body).toEqual(result.stored ? packed('page').body : undefined);
      // The copy has one.
      expect(files('expiry')).toHaveLength(result.stored ? 1 : 0);
    });

    it('is removed, also when whoever looked before it was begun has dropped the note of its end', async () => {
      await other!.keyv.disconnect();
      before.set('mkdir -tagged', async () => {
        await expect.poll(() => files('expiry')).toEqual([]);
      });
      expect(await putPage(one!, KEY, packed('page'), 1)).toEqual({ stored: true });
      expect(before.size).toBe(0);
      await expect.poll(body).toBeUndefined();
    });
  });

  it('is refused when somebody else renders it anew meanwhile', async () => {
    const refresh: PurgeScope = { kind: 'paths', paths: [{ path: '/a/b' }], refresh: true };
    const [visit, renewal] = [await beginPage(one!, KEY), await beginPage(one!, KEY, true)];
    await other!.journal.append(refresh);
    expect(await visit.commit(packed('old'), 0)).toEqual({ stored: false, reason: 'purged' });
    expect(await renewal.commit(packed('old'), 0)).toEqual({ stored: false, reason: 'refreshed' });
  });

  it('stays when it is not stored again', async () => {
    await putPage(one!, KEY, packed('first'), 60_000);
    before.set('open /page', async () => {
      throw Object.assign(new Error('i/o error'), { code: 'EIO' });
    });
    await expect(putPage(one!, KEY, packed('second'), 60_000)).rejects.toThrow(/cannot store a page.*i\/o error/);
    expect(await body()).toEqual(packed('first').body);
    expect(files('pages').filter((name) => name === 'page')).toHaveLength(2);
    expect(files('expiry')).toHaveLength(1);
  });

  it('is written again where a file has one name only', async () => {
    await putPage(one!, KEY, packed('page'), 60_000);
    before.set('link /page', async () => {
      throw Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
    });
    expect(await putPage(one!, KEY, packed('page'), 60_000)).toEqual({ stored: true });
    expect(before.size).toBe(0);
    expect(await body()).toEqual(packed('page').body);
    expect(files('pages').filter((name) => name === 'page')).toHaveLength(2);
  });

  it('goes where it is when there is no room for another name', async () => {
    await putPage(one!, KEY, packed('page'), 60_000);
    await putPage(one!, 'page:/a', packed('page'), 0);
    const noRoom = async () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    before.set('rename /b#', noRoom);
    expect(await one!.deletePages([KEY])).toBe(1);
    expect(before.size).toBe(0);
    before.set('rename /pages', noRoom);
    expect(await one!.deleteUnder!('')).toBe(2);
    expect(before.size).toBe(0);
    expect(await collect(one!.keysToPurge!(''))).toEqual([]);
    expect([...files('pages'), ...files('expiry')]).toEqual([]);
    expect(await putPage(one!, KEY, packed('again'), 60_000)).toEqual({ stored: true });
  });
});
