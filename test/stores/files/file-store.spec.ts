import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import type { FileStoreOptions } from '../../../lib/stores/files/file-store-options.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { collect, context, page } from '../pages.js';

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
  const files = (tree: string) =>
    (existsSync(join(root, 'page:#', tree))
      ? readdirSync(join(root, 'page:#', tree), { recursive: true, withFileTypes: true })
      : []
    )
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(root, 'page:#', tree).length))
      .toSorted();

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'pages-'));
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map(({ keyv }) => keyv.disconnect()));
    rmSync(root, { recursive: true });
  });

  it('keeps the body, and beside it what nginx sends to clients with gzip', async () => {
    const { keyv } = open({}, { ...context, compress: true });
    const stored = packed(LARGE);
    await keyv.set('page:/a', stored, 60_000);
    await keyv.set('page:/a/b', page('small'));
    expect(files('expiring')).toEqual(['/a#', '/a#.gz']);
    expect(files('kept')).toEqual(['/a/b#']);
    expect(readFileSync(join(root, 'page:#/expiring/a#'), 'utf8')).toBe(LARGE);
    expect(readFileSync(join(root, 'page:#/expiring/a#.gz'))).toEqual(stored.body);
    expect(await keyv.get('page:/a')).toEqual(stored);
    expect(await keyv.get('page:/a/b')).toEqual(page('small'));
    expect(await keyv.get('page:/b')).toBeUndefined();
    expect(files('tmp')).toEqual([]);
  });

  it('adds brotli when asked to', async () => {
    const { keyv, deletePages } = open({ brotli: true }, { ...context, compress: true });
    await keyv.set('page:/a', packed(LARGE));
    expect(files('kept')).toEqual(['/a#', '/a#.br', '/a#.gz']);
    await keyv.set('page:/a', page('no longer worth it'));
    expect(files('kept')).toEqual(['/a#']);
    await keyv.set('page:/a', packed(LARGE));
    await deletePages(['page:/a']);
    expect(files('kept')).toEqual([]);
  });

  it('lists, deletes and clears, and leaves no empty directory behind', async () => {
    const { keyv, keys, deletePages } = open();
    const all = ['page:/', 'page:/a', 'page:/a/b', 'page:/a/b/', 'page:/a/index.html', 'page:/x?page=2', 'page:/x'];
    for (const [index, key] of all.entries()) await keyv.set(key, page(key), index % 2 ? 60_000 : 0);
    expect((await collect(keys!('page:'))).toSorted()).toEqual(all.toSorted());
    expect((await collect(keys!('page:/a/'))).length).toBe(3);
    for (const key of all) expect((await keyv.get(key))?.body.toString()).toBe(key);
    expect(await deletePages(['page:/a', 'page:/a/b', 'page:/none', 'page:/../../etc', 'other:/'])).toBe(2);
    expect(await collect(keys!('page:/a'))).toHaveLength(2);
    await keyv.clear();
    expect(await collect(keys!(''))).toEqual([]);
    expect(readdirSync(join(root, 'page:#/expiring'))).toEqual([]);
    expect(readdirSync(join(root, 'page:#/kept'))).toEqual([]);
    expect(files('expiry')).toEqual([]);
  });

  it('moves a page when it gets or loses a ttl', async () => {
    const { keyv, keys } = open();
    for (const ttl of [0, 60_000, 0]) {
      await keyv.set('page:/a', page(String(ttl)), ttl);
      expect((await keyv.get('page:/a'))?.body.toString()).toBe(String(ttl));
      expect(await collect(keys!(''))).toEqual(['page:/a']);
    }
    expect(files('expiry')).toEqual([]);
  });

  it('keeps sites apart', async () => {
    const blog = open();
    const shop = open({}, { ...context, prefix: '..' });
    await blog.keyv.set('page:/', page('blog'));
    await shop.keyv.set('../', page('shop'));
    expect(readdirSync(root).toSorted()).toEqual(['..#', 'page:#']);
    await blog.keyv.clear();
    expect((await shop.keyv.get('../'))?.body.toString()).toBe('shop');
  });

  it('dates two versions of one second differently, so that their ETags differ', async () => {
    const { keyv, deletePages } = open();
    const dates = new Set<number>();
    for (let i = 0; i < 5; i += 1) {
      await keyv.set('page:/a', page(`version ${i}`));
      dates.add(Math.floor(statSync(join(root, 'page:#/kept/a#')).mtimeMs / 1000));
      if (i % 2) await deletePages(['page:/a']);
    }
    expect(dates.size).toBe(5);
    expect(Math.max(...dates)).toBeLessThanOrEqual(Date.now() / 1000);
  });

  it('reads, replaces and deletes the same pages at once', async () => {
    const processes = [open(), open(), open()];
    const work = processes.map(async ({ keyv, deletePages, keys }, index) => {
      for (let i = 0; i < 60; i += 1) {
        const key = `page:/deep/${i % 3}/page`;
        await keyv.set(key, page(`${index}-${i}`), i % 2 ? 60_000 : 0);
        const found = await keyv.get(key);
        if (found) expect(found.body.toString()).toMatch(/^\d-\d+$/);
        if (i % 4 === 0) await deletePages([key]);
        if (i % 10 === 0) await collect(keys!(''));
      }
    });
    await Promise.all(work);
    await processes[0]!.keyv.clear();
    expect(await collect(processes[1]!.keys!(''))).toEqual([]);
    expect(files('tmp')).toEqual([]);
  });

  it('deletes a page that is being written', async () => {
    const { keyv, deletePages } = open();
    await keyv.set('page:/a', page('old'));
    for (let i = 0; i < 50; i += 1) {
      const written = keyv.set('page:/a', page(LARGE.repeat(20)), i % 2 ? 60_000 : 0);
      await sleep(1 + (i % 5));
      await deletePages(['page:/a']);
      await written;
      expect(await keyv.get('page:/a')).toBeUndefined();
      expect(files('kept').concat(files('expiring'))).toEqual([]);
    }
  });

  it('removes the least recently used when there is no room', async () => {
    const block = 'x'.repeat(4096);
    const { keyv, keys } = open({ maxBytes: 40 * 4096 });
    for (let i = 0; i < 200; i += 1) await keyv.set(`page:/${i}`, page(block));
    const left = await collect(keys!(''));
    expect(left.length).toBeGreaterThan(30);
    expect(left.length).toBeLessThanOrEqual(42);
    const oldest = Math.min(...left.map((key) => Number(key.slice('page:/'.length))));
    // File systems date in steps of some milliseconds.
    expect(oldest).toBeGreaterThan(200 - left.length - 10);
    // What another process has written counts as well.
    const other = open({ maxBytes: 10 * 4096 });
    await other.keyv.set('page:/other', page(block));
    expect((await collect(keys!(''))).length).toBe(9);
    expect(await other.keyv.get('page:/other')).toBeDefined();
  });

  it('checks its options', () => {
    for (const bad of ['relative', '/', '/a b', '/a"b', '/a$b', '/a;b', '', undefined, '/..']) {
      expect(() => fileStore({ root: bad as string }), String(bad)).toThrow(
        /^fileStore: root must be an absolute path/,
      );
    }
    expect(() => fileStore({ root: '/x', maxBytes: 0 })).toThrow(/maxBytes must be a whole number from 1/);
    expect(() => fileStore({ root: '/x', grace: 10 })).toThrow(/grace must be a whole number from 2000/);
    expect(fileStore({ root: '/x/', maxBytes: 1 }).limits!(context)).toEqual([expect.stringMatching(/does not fit/)]);
    expect(fileStore({ root: '/x/' })).toMatchObject({ kind: 'files', files: { root: '/x', brotli: false } });
  });
});
