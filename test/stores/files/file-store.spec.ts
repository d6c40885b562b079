import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import type { FileStoreOptions } from '../../../lib/stores/files/file-store-options.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { putPage } from '../../support/put-page.js';
import { collect, context, page } from '../pages.js';
import { closeWhenDeleted } from '../../support/deletions.js';
import { entriesBelow } from '../../support/entries-below.js';

const LARGE = '<p>0123456789</p>'.repeat(200);
const packed = (text: string) => ({
  ...page(gzipSync(text)),
  contentEncoding: 'gzip' as const,
});

describe('fileStore', () => {
  let root: string;
  const stores: PageStore[] = [];
  const open = (options: Partial<FileStoreOptions> = {}, wanted = context) => {
    const store = fileStore({ root, ...options }).open(wanted);
    stores.push(store);
    return store;
  };
  /** What nginx finds with a link, and what else there is: names of versions are left out. */
  const served = (link: string) =>
    files('pages')
      .filter((path) => path.endsWith(`#/${link}`))
      .flatMap((path) =>
        readdirSync(join(root, 'page:#/pages', path)).map((name) => `${path.slice(0, -link.length)}${name}`),
      )
      .toSorted();
  const files = (directory: string) => {
    const path = join(root, 'page:#', directory);
    return entriesBelow(path)
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(path.length))
      .toSorted();
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'pages-'));
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map(({ keyv }) => keyv.disconnect()));
    rmSync(root, { recursive: true });
  });

  it('keeps the body, and beside it what nginx sends to clients with gzip', async () => {
    const store = open({}, { ...context, compress: true });
    const stored = packed(LARGE);
    expect(await putPage(store, 'page:/a', stored, 60_000)).toEqual({ stored: true });
    expect(await putPage(store, 'page:/a/b', page('small'))).toEqual({ stored: true });
    expect(served('expiring')).toEqual(['/a#/page', '/a#/page.gz']);
    expect(served('kept')).toEqual(['/a/b#/page']);
    expect(readFileSync(join(root, 'page:#/pages/a#/expiring/page'), 'utf8')).toBe(LARGE);
    expect(readFileSync(join(root, 'page:#/pages/a#/expiring/page.gz'))).toEqual(stored.body);
    expect(await store.keyv.get('page:/a')).toEqual(stored);
    expect(await store.keyv.get('page:/a/b')).toEqual(page('small'));
    expect(await store.keyv.get('page:/b')).toBeUndefined();
  });

  it('adds brotli when asked to', async () => {
    const store = open({ brotli: true }, { ...context, compress: true });
    await putPage(store, 'page:/a', packed(LARGE));
    expect(served('kept')).toEqual(['/a#/page', '/a#/page.br', '/a#/page.gz']);
    await putPage(store, 'page:/a', page('no longer worth it'));
    expect(served('kept')).toEqual(['/a#/page']);
    await putPage(store, 'page:/a', packed(LARGE));
    await store.deletePages(['page:/a']);
    expect(served('kept')).toEqual([]);
  });

  it('lists, deletes and clears, and leaves nothing behind', async () => {
    const store = open();
    const { keyv, keys, deletePages } = store;
    const all = ['page:/', 'page:/a', 'page:/a/b', 'page:/a/b/', 'page:/a/index.html', 'page:/x?page=2', 'page:/x'];
    for (const [index, key] of all.entries()) await putPage(store, key, page(key), index % 2 ? 60_000 : 0);
    expect((await collect(keys!('page:'))).toSorted()).toEqual(all.toSorted());
    expect((await collect(keys!('page:/a/'))).length).toBe(3);
    for (const key of all) expect((await keyv.get(key))?.body.toString()).toBe(key);
    expect(await deletePages(['page:/a', 'page:/a/b', 'page:/none', 'page:/../../etc', 'other:/'])).toBe(2);
    expect(await collect(keys!('page:/a'))).toHaveLength(2);
    await keyv.clear();
    expect(await collect(keys!(''))).toEqual([]);
    await closeWhenDeleted(root, store);
    expect(readdirSync(join(root, 'page:#/pages'))).toEqual([]);
    expect([...files('expiry'), ...files('tmp')]).toEqual([]);
  });

  it('has one version of a page, also when it gets or loses a ttl', async () => {
    const store = open();
    for (const ttl of [0, 60_000, 60_000, 0, 0]) {
      await putPage(store, 'page:/a', page(String(ttl)), ttl);
      expect((await store.keyv.get('page:/a'))?.body.toString()).toBe(String(ttl));
      expect(await collect(store.keys!(''))).toEqual(['page:/a']);
      expect(files('pages').filter((path) => path.endsWith('/page'))).toHaveLength(1);
      expect(files('pages')).toHaveLength(2);
      expect(files('expiry')).toHaveLength(ttl === 0 ? 0 : 1);
    }
  });

  it('keeps sites apart', async () => {
    const blog = open();
    const shop = open({}, { ...context, prefix: '..' });
    await putPage(blog, 'page:/', page('blog'));
    await putPage(shop, '../', page('shop'));
    expect(readdirSync(root).toSorted()).toEqual(['..#', 'page:#']);
    await blog.keyv.clear();
    expect((await shop.keyv.get('../'))?.body.toString()).toBe('shop');
  });

  it('dates two versions of one second differently, so that their ETags differ', async () => {
    const store = open();
    const date = () => Math.floor(statSync(join(root, 'page:#/pages/a#/kept/page')).mtimeMs / 1000);
    const dates: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      await putPage(store, 'page:/a', page(`version ${i}`));
      dates.push(date());
      if (i % 2) await store.deletePages(['page:/a']);
    }
    expect(new Set(dates).size).toBe(5);
    // Of another process, which knows only the version that it replaces.
    await putPage(open(), 'page:/a', page('version 5'));
    expect(date()).not.toBe(dates.at(-1));
    expect(Math.max(...dates, date())).toBeLessThanOrEqual(Date.now() / 1000);
  });

  it('reads, replaces and deletes the same pages at once', async () => {
    const processes = [open(), open(), open()];
    const work = processes.map(async (store, index) => {
      for (let i = 0; i < 60; i += 1) {
        const key = `page:/deep/${i % 3}/page`;
        await putPage(store, key, page(`${index}-${i}`), i % 2 ? 60_000 : 0);
        const found = await store.keyv.get(key);
        if (found) expect(found.body.toString()).toMatch(/^\d-\d+$/);
        if (i % 4 === 0) await store.deletePages([key]);
        if (i % 10 === 0) await collect(store.keys!(''));
      }
    });
    await Promise.all(work);
    await processes[0]!.keyv.clear();
    expect(await collect(processes[1]!.keys!(''))).toEqual([]);
    await closeWhenDeleted(root, processes[0]!);
    expect([...files('expiry'), ...files('tmp')]).toEqual([]);
  });

  it('deletes a page that is being written', async () => {
    const store = open();
    await putPage(store, 'page:/a', page('old'));
    const results = new Set<unknown>();
    for (let i = 0; i < 50; i += 1) {
      const written = putPage(store, 'page:/a', page(LARGE.repeat(20)), i % 2 ? 60_000 : 0);
      await sleep(1 + (i % 5));
      await store.journal.append({ kind: 'all' });
      await store.deletePages(['page:/a']);
      const result = await written;
      results.add(result.stored || result.reason);
      expect(await store.keyv.get('page:/a')).toBeUndefined();
    }
    await store.keyv.disconnect();
    expect(files('pages')).toEqual([]);
    expect(results).toContain('purged');
  });

  it('lets some pages wait to be written, and refuses more', async () => {
    const store = open();
    const all = Array.from({ length: 300 }, (_, index) => putPage(store, `page:/${index}`, page()));
    const results = await Promise.all(all);
    const refused = results.filter((result) => !result.stored);
    expect(new Set(refused.map((result) => result.reason))).toEqual(new Set(['store-busy']));
    expect(await collect(store.keys!(''))).toHaveLength(300 - refused.length);
    expect(await putPage(store, 'page:/later', page())).toEqual({ stored: true });
  });

  it('removes the least recently used when there is no room', async () => {
    const block = 'x'.repeat(4096);
    // A page takes three blocks: its directory, that of its version, and the body.
    const store = open({ maxBytes: 40 * 3 * 4096 });
    for (let i = 0; i < 200; i += 1) await putPage(store, `page:/${i}`, page(block));
    const left = await collect(store.keys!(''));
    expect(left.length).toBeGreaterThan(30);
    expect(left.length).toBeLessThanOrEqual(48);
    const oldest = Math.min(...left.map((key) => Number(key.slice('page:/'.length))));
    // File systems date in steps of some milliseconds.
    expect(oldest).toBeGreaterThan(200 - left.length - 10);
    // What another process has written counts as well.
    const other = open({ maxBytes: 10 * 3 * 4096 });
    await putPage(other, 'page:/other', page(block));
    expect((await collect(store.keys!(''))).length).toBe(9);
    expect(await other.keyv.get('page:/other')).toBeDefined();
  });

  it('checks its options', () => {
    for (const bad of ['relative', '/', '/a b', '/a"b', '/a$b', '/a;b', '', undefined, '/..']) {
      expect(() => fileStore({ root: bad as string }), String(bad)).toThrow(
        /^fileStore\.root: .* it must be an absolute path/,
      );
    }
    expect(() => fileStore({ root: '/x', maxBytes: 0 })).toThrow(
      /^fileStore\.maxBytes: 0 .* a whole number of bytes from 1$/,
    );
    expect(() => fileStore({ root: '/x', grace: 10 })).toThrow(
      /^fileStore\.grace: 10 .* a whole number of milliseconds from 2000$/,
    );
    expect(fileStore({ root: '/x/', maxBytes: 1 }).limits!(context)).toEqual([expect.stringMatching(/does not fit/)]);
    expect(fileStore({ root: '/x/' })).toMatchObject({ kind: 'files', files: { root: '/x', brotli: false } });
  });
});
