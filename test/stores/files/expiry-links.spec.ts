import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { temporaryRoot } from '../../support/files-site.js';
import { collect, context, page } from '../pages.js';
import { beforePut } from './before-put.js';

vi.mock('../../../lib/stores/files/put.js', async (original) => (await import('./before-put.js')).hookedPut(original));

const DAY = 86_400_000;

describe('what is written down of the ends of pages', () => {
  let root: string;
  const stores: PageStore[] = [];
  const open = (maxBytes?: number) => {
    const store = fileStore({ root, ...(maxBytes !== undefined && { maxBytes }) }).open({
      ...context,
      maxPageBytes: 10_000,
    });
    stores.push(store);
    return store;
  };
  beforeEach(() => {
    root = temporaryRoot();
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map(({ keyv }) => keyv.disconnect()));
    rmSync(root, { recursive: true });
  });
  /** Of which pages ends are written down. */
  const ends = () =>
    readdirSync(join(root, 'page:#/expiry'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map(({ name }) => name.slice(name.indexOf('#') + 1).replaceAll('\\', '/'))
      .toSorted();
  const pages = async (store: PageStore) => (await collect(store.keys!('page:'))).toSorted();
  const store = async ({ versions }: PageStore, key: string, ttl = DAY) => {
    const version = await versions!.replace(key, page(), 10_000, undefined);
    await versions!.confirm(key, page(), ttl, version!);
  };

  it('goes with a page for which there is no room', async () => {
    const one = open(20 * 4096);
    for (let number = 0; number < 100; number += 1) await store(one, `page:/${number}`);
    expect(ends()).toEqual(await pages(one));
    expect(ends().length).toBeLessThan(25);
  });

  it.each(['', '/a', '/a/b'])('goes with the pages under "%s", and no others', async (path) => {
    const one = open();
    const hosts = ['', 'example.com', 'example.com;de'];
    const paths = ['/', '/a', '/a/', '/a/b', '/a/b?q=/a', '/a?q=1', '/ab', '/a/bc', '/b/a'];
    for (const host of hosts)
      for (const [index, own] of paths.entries()) await store(one, `page:${host}${own}`, DAY + index);
    await one.deleteUnder!(path);
    await one.keyv.disconnect();
    expect(ends()).toEqual(await pages(one));
    expect(ends().length === 0).toBe(path === '');
  });

  it('stays with a page that is stored while those under its path are deleted', async () => {
    const one = open();
    for (let round = 0; round < 50; round += 1) {
      await store(one, 'page:/a/b');
      const version = await one.versions!.of('page:/a/b');
      await Promise.all([one.deleteUnder!('/a'), one.versions!.replace('page:/a/b', page(), DAY, version)]);
      await expect.poll(async () => ends().length - (await pages(one)).length).toBe(0);
      await one.deletePages(['page:/a/b']);
    }
  });

  it('goes when somebody else has removed the page, whoever tidies up', async () => {
    const [one, other] = [open(), open()];
    for (let number = 0; number < 20; number += 1) await store(one, `page:/${number}`);
    await store(one, 'page:/kept', 0);
    await other.deletePages(Array.from({ length: 15 }, (_, number) => `page:/${number}`));
    expect(ends().length).toBe(20);
    open();
    await expect.poll(ends).toEqual((await pages(other)).filter((key) => key !== 'page:/kept'));
  });

  it('stays with a page that is not yet in its place when another process tidies up', async () => {
    const one = open();
    beforePut.set('/expiring/a#', async () => {
      expect(ends()).toEqual(['page:/a']);
      const third = open();
      await third.keyv.get('page:/');
      await third.keyv.disconnect();
    });
    await one.keyv.set('page:/a', page(), DAY);
    expect(ends()).toEqual(['page:/a']);
  });
});
