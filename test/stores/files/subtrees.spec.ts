import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fc } from '../../support/random.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { concerns } from '../../../lib/stores/journal/purge-scope.js';
import { PageKeys } from '../../../lib/page/page-key.js';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { closeWhenDeleted } from '../../support/deletions.js';
import { temporaryRoot } from '../../support/files-site.js';
import { putPage } from '../../support/put-page.js';
import { collect, context, page } from '../pages.js';

describe('a subtree of pages in files', () => {
  let root: string;
  let store: PageStore;
  beforeEach(() => {
    root = temporaryRoot();
    store = fileStore({ root }).open(context);
  });
  afterEach(async () => {
    await store.keyv.disconnect();
    rmSync(root, { recursive: true });
  });
  const left = async () => (await collect(store.keys!('page:'))).toSorted();

  it('goes as a whole, and nothing else does', async () => {
    const below = ['/blog', '/blog/', '/blog/a', '/blog/a/b?page=1/2', '/blog?page=2', '/blog?page=a/b'];
    const beside = ['/', '/blogger', '/blog-2', '/a/blog', '/blo', '/blog.html'];
    const hosts = ['', 'example.com', 'example.com;de'];
    for (const host of hosts) {
      for (const [index, path] of [...below, ...beside].entries()) {
        await putPage(store, `page:${host}${path}`, { ...page(path), tags: ['x'] }, index % 2 ? 60_000 : 0);
      }
    }
    expect(await store.deleteUnder!('/blog')).toBe(below.length * hosts.length);
    expect(await left()).toEqual(hosts.flatMap((host) => beside.map((path) => `page:${host}${path}`)).toSorted());
    expect(await store.deleteUnder!('/blog')).toBe(0);
    expect(await store.deleteUnder!('')).toBe(beside.length * hosts.length);
    expect(await left()).toEqual([]);
    await putPage(store, 'page:/blog/a', page('again'));
    expect(await left()).toEqual(['page:/blog/a']);
  });

  it('has no page where a version is just being removed and its link is left', async () => {
    await store.keyv.disconnect();
    store = fileStore({ root }).open({ ...context, keepsCopies: true });
    await putPage(store, 'page:/a', page('a'));
    await putPage(store, 'page:/b', page('b'));
    const inside = readdirSync(root, { recursive: true, withFileTypes: true });
    const versions = inside.filter((one) => one.isDirectory() && one.parentPath.includes('/pages/a'));
    for (const { parentPath, name } of versions) rmSync(join(parentPath, name), { recursive: true });
    expect(await left()).toEqual(['page:/b']);
    expect(await store.deleteUnder!('')).toBe(1);
  });

  it.each(['/..', '/../..', '/a/../..', '/.', '//', `/${'a'.repeat(300)}`])('is empty at %s', async (path) => {
    await putPage(store, 'page:/a', page('a'));
    expect(await store.deleteUnder!(path)).toBe(0);
    expect(await left()).toEqual(['page:/a']);
  });

  it('is what a purge takes for it', async () => {
    const keys = new PageKeys({ prefix: 'page:', hosts: undefined, variants: [], query: { allow: ['q'] } });
    const segment = fc.stringMatching(/^[ab.?=&;#]{0,2}$/).map((text) => text.replaceAll('#', '%23'));
    const target = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => `/${segments.join('/')}`);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(target, { maxLength: 8 }), target, async (targets, under) => {
        await store.deleteUnder!('');
        const stored: string[] = [];
        for (const one of targets) {
          await putPage(store, `page:${one}`, page(one)).then(
            () => stored.push(`page:${one}`),
            () => {},
          );
        }
        const path = (under.split('?')[0] ?? '').replace(/\/+$/, '');
        const gone = stored.filter((key) => {
          const address = keys.parse(key);
          return address && concerns({ kind: 'under', path }, address, new Set());
        });
        expect(await store.deleteUnder!(path)).toBe(gone.length);
        expect(await left()).toEqual(stored.filter((key) => !gone.includes(key)).toSorted());
      }),
      { numRuns: 150 },
    );
  });

  it('leaves nothing on the disk', async () => {
    for (let index = 0; index < 100; index += 1) await putPage(store, `page:/a/${index}`, page('x'), 60_000);
    expect(await store.deleteUnder!('/a')).toBe(100);
    await closeWhenDeleted(root, store);
    expect(readdirSync(join(root, 'page:#/tmp'))).toEqual([]);
    expect(readdirSync(join(root, 'page:#/pages'))).toEqual([]);
  });
});
