import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import type { FileStoreOptions } from '../../../lib/stores/files/file-store-options.js';
import { newVersion } from '../../../lib/stores/files/page-version.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { temporaryRoot } from '../../support/files-site.js';
import { putPage } from '../../support/put-page.js';
import { generator } from '../../support/random.js';
import { collect, context, page } from '../pages.js';
import { closeWhenDeleted } from '../../support/deletions.js';
import { entriesBelow } from '../../support/entries-below.js';

const BLOCK = 4096;

let root: string;
let store: PageStore;
const open = (options: Partial<FileStoreOptions> = {}) => {
  store = fileStore({ root, ...options }).open(context);
};
const pages = (...names: string[]) => join(root, 'page:#/pages', ...names);
/** Everything below `pages`, but the links. */
const all = () => entriesBelow(pages()).filter((entry) => !entry.isSymbolicLink());
const directories = () => all().filter((entry) => entry.isDirectory()).length;
/** What is being deleted is in the way no more. */
const settled = async () => {
  await closeWhenDeleted(root, store);
  open();
};

beforeEach(() => {
  root = temporaryRoot();
});
afterEach(async () => {
  await store.keyv.disconnect();
  rmSync(root, { recursive: true });
});

it('counts the directories on the way to a page, and gives back those that go with one', async () => {
  const maxBytes = 300 * BLOCK;
  open({ maxBytes });
  const random = generator();
  const keys = Array.from({ length: 150 }, (_, index) => {
    // A way of its own, or one that others share.
    const way = random() < 0.5 ? `/${index}${'/way'.repeat(14)}` : '/shared/way';
    return `page:${way}/${index}`;
  });
  for (const key of keys) expect(await putPage(store, key, page())).toEqual({ stored: true });
  await settled();
  const taken = all().reduce(
    (sum, { parentPath, name }) => sum + Math.max(BLOCK, lstatSync(join(parentPath, name)).blocks * 512),
    0,
  );
  expect(taken).toBeLessThanOrEqual(maxBytes * 1.05 + 18 * BLOCK);
  // No more goes than has to.
  expect(taken).toBeGreaterThan(maxBytes * 0.7);
  const left = await collect(store.keys!(''));
  await store.deletePages(left);
  await settled();
  expect(readdirSync(pages())).toEqual([]);
});

it('takes the directories that go with a page for what they are, and removes no page in their place', async () => {
  // About 18 blocks each, so 16 of them have room.
  open({ maxBytes: 300 * BLOCK });
  const counts: number[] = [];
  for (let index = 0; index < 40; index += 1) {
    await putPage(store, `page:/${index}${'/way'.repeat(14)}/page`, page());
    counts.push((await collect(store.keys!(''))).length);
  }
  const most = Math.max(...counts);
  expect(most).toBeLessThanOrEqual(18);
  expect(Math.min(...counts.slice(counts.indexOf(most)))).toBeGreaterThan(most - 5);
});

it('removes directories that a killed process has left on the way to nowhere', async () => {
  open();
  mkdirSync(pages('a', 'b', 'c'), { recursive: true });
  await putPage(store, 'page:/x', page());
  expect(existsSync(pages('a'))).toBe(false);
  expect(directories()).toBe(2);
});

it('lists a page as soon as it is there, and to a purge while it is being written', async () => {
  open();
  await putPage(store, 'page:/there', page());
  mkdirSync(pages('draft#', newVersion({ modified: 0, ttl: 0, tagged: false }).name), { recursive: true });
  expect(await collect(store.keys!('page:'))).toEqual(['page:/there']);
  expect((await collect(store.keysToPurge!('page:'))).toSorted()).toEqual(['page:/draft', 'page:/there']);
});
