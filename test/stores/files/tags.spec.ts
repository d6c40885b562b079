import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { temporaryRoot } from '../../support/files-site.js';
import { putPage } from '../../support/put-page.js';
import { collect, context, page } from '../pages.js';

describe('tags of pages in files', () => {
  let root: string;
  let store: PageStore;
  beforeEach(() => {
    root = temporaryRoot();
    store = fileStore({ root }).open({ ...context, compress: true });
  });
  afterEach(async () => {
    await store.keyv.disconnect();
    rmSync(root, { recursive: true });
  });
  const set = (path: string, tags?: string[], ttl = 60_000) =>
    putPage(store, `page:${path}`, { ...page(path), ...(tags && { tags }) }, ttl);
  const tagged = async (...tags: string[]) =>
    (await collect(store.tagged!(tags))).map((key) => key.slice('page:'.length)).toSorted();
  const file = (path: string) => join(root, 'page:#/pages', `${path}#`, 'expiring/tags');

  it('find their pages, and no others', async () => {
    await set('/a', ['x', 'ü "quoted"']);
    await set('/a/b?page=1', ['y']);
    await set('/kept', ['x'], 0);
    await set('/plain');
    await putPage(store, 'page:/packed', { ...page(gzipSync('z')), contentEncoding: 'gzip', tags: ['x'] }, 60_000);
    expect(await tagged('x')).toEqual(['/a', '/kept', '/packed']);
    expect(await tagged('ü "quoted"', 'y')).toEqual(['/a', '/a/b?page=1']);
    expect(await tagged('none')).toEqual([]);
  });

  it('are those of the last version of a page', async () => {
    await set('/a', ['x']);
    await set('/a', ['y'], 0);
    expect([await tagged('x'), await tagged('y')]).toEqual([[], ['/a']]);
    await set('/a');
    expect([await tagged('x'), await tagged('y')]).toEqual([[], []]);
    await set('/a', ['x']);
    await store.deletePages(['page:/a']);
    await set('/a');
    expect(await tagged('x')).toEqual([]);
  });

  it.each([
    ['lost', () => rmSync(file('/a'))],
    ['cut off', () => writeFileSync(file('/a'), '["y')],
    ['no list', () => writeFileSync(file('/a'), 'null')],
  ])('that are %s take the page along', async (_, harm) => {
    await set('/a', ['x']);
    await set('/b', ['y']);
    await set('/plain');
    expect(await tagged('none')).toEqual([]);
    harm();
    expect(await tagged('none')).toEqual(['/a']);
  });

  it('have a file with the longest name that a page can have', async () => {
    const path = `/${'a'.repeat(250 - 'page:/'.length)}`;
    await set(path, ['x']);
    expect(await tagged('x')).toEqual([path]);
  });
});
