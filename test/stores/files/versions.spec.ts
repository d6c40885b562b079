import { existsSync, readdirSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import { PageFiles } from '../../../lib/stores/files/page-files.js';
import type { PageStore, PageVersions } from '../../../lib/stores/page-store.js';
import { temporaryRoot } from '../../support/files-site.js';
import { collect, context, page } from '../pages.js';

const KEY = 'page:/a/b';
const LONG = 60_000;

describe('versions of pages in files', () => {
  let root: string;
  /** As two processes have them. */
  let stores: PageStore[];
  let [one, other]: PageVersions[] = [];
  beforeEach(() => {
    root = temporaryRoot();
    stores = [1, 2].map(() => fileStore({ root }).open(context));
    [one, other] = stores.map(({ versions }) => versions!);
  });
  afterEach(async () => {
    await Promise.all(stores.map(({ keyv }) => keyv.disconnect()));
    rmSync(root, { recursive: true });
  });
  const body = async () => (await stores[1]!.keyv.get(KEY))?.body.toString();
  const isIn = (tree: string) => existsSync(join(root, 'page:#', tree, 'a/b#'));

  it('a page comes to the place of the version that it was rendered for, and to no other', async () => {
    const first = await one!.replace(KEY, page('1'), LONG, undefined);
    expect(await other!.of(KEY)).toBe(first);
    expect(await other!.replace(KEY, page('2'), LONG, undefined)).toBeUndefined();
    expect(await other!.replace(KEY, page('2'), LONG, 'x')).toBeUndefined();
    expect(await body()).toBe('1');
    const second = await other!.replace(KEY, page('2'), LONG, first);
    expect(second).not.toBe(first);
    expect(await body()).toBe('2');
  });

  it('a page does not come to the place of one that is stored while it is written', async () => {
    const write = vi.spyOn(PageFiles.prototype, 'write').mockImplementationOnce(async function (
      this: PageFiles,
      ...args
    ) {
      await other!.replace(KEY, page('published'), LONG, undefined);
      return this.write(...args);
    });
    expect(await one!.replace(KEY, page('old'), LONG, undefined)).toBeUndefined();
    write.mockRestore();
    expect(await body()).toBe('published');
    expect(readdirSync(join(root, 'page:#/tmp'))).toEqual([]);
  });

  it('one that nobody confirms ends, whoever has stored it', async () => {
    await one!.replace(KEY, page(), 300, undefined);
    await stores[0]!.keyv.disconnect();
    expect(isIn('expiring')).toBe(true);
    await expect.poll(() => isIn('expiring'), { timeout: 5000 }).toBe(false);
  });

  it.each([LONG, 0])('one that is confirmed stays for a ttl of %i', async (ttl) => {
    const version = await one!.replace(KEY, { ...page(), tags: ['x'] }, 300, undefined);
    await one!.confirm(KEY, page(), ttl, version!);
    // Another one ends after it.
    await other!.replace('page:/later', page(), 600, undefined);
    await expect.poll(() => other!.of('page:/later'), { timeout: 5000 }).toBeUndefined();
    expect(await other!.of(KEY)).toBe(version);
    expect(isIn(ttl === 0 ? 'kept' : 'expiring')).toBe(true);
    expect(isIn(ttl === 0 ? 'expiring' : 'kept')).toBe(false);
    expect(await collect(stores[1]!.tagged!(['x']))).toEqual([KEY]);
    expect(await collect(stores[1]!.tagged!(['y']))).toEqual([]);
    expect(await stores[1]!.deletePages([KEY])).toBe(1);
  });

  it.each([LONG, 0])('confirming and withdrawing leave the versions of others alone, with a ttl of %i', async (ttl) => {
    const first = await one!.replace(KEY, page('1'), LONG, undefined);
    const second = await other!.replace(KEY, page('2'), LONG, first);
    await one!.confirm(KEY, page('1'), ttl, first!);
    await one!.withdraw(KEY, first!);
    expect([await one!.of(KEY), await body()]).toEqual([second, '2']);
    await other!.withdraw(KEY, second!);
    expect(await body()).toBeUndefined();
  });

  it('one that is purged while it is confirmed does not come back', async () => {
    for (let round = 0; round < 300; round += 1) {
      const version = await one!.replace(KEY, page(), LONG, undefined);
      const confirmed = one!.confirm(KEY, page(), 0, version!);
      // Sooner or later.
      for (let wait = round % 16; wait > 0; wait -= 1) await stat(root);
      await (round % 3 ? stores[1]!.deletePages([KEY]) : stores[1]!.deleteUnder!(round % 2 ? '' : '/a'));
      await confirmed;
      expect([round, isIn('kept'), isIn('expiring')]).toEqual([round, false, false]);
    }
  });
});
