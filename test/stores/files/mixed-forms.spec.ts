import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import type { PageStore, PageVersions } from '../../../lib/stores/page-store.js';
import { temporaryRoot } from '../../support/files-site.js';
import { context, page } from '../pages.js';
import { beforePut } from './before-put.js';

vi.mock('../../../lib/stores/files/put.js', async (original) => (await import('./before-put.js')).hookedPut(original));

const KEY = 'page:/page';
const LONG = 60_000;
/** With its content in three forms: as it is, gzipped, and as its tag. */
const version = (name: string) => ({ ...page(gzipSync(name)), contentEncoding: 'gzip' as const, tags: [name] });

describe('forms of a page that two processes store at once', () => {
  let root: string;
  let stores: PageStore[];
  let [one, other]: PageVersions[] = [];
  beforeEach(() => {
    root = temporaryRoot();
    stores = [1, 2].map(() => fileStore({ root }).open({ ...context, compress: true }));
    [one, other] = stores.map(({ versions }) => versions!);
  });
  afterEach(async () => {
    beforePut.clear();
    await Promise.all(stores.map(({ keyv }) => keyv.disconnect()));
    rmSync(root, { recursive: true });
  });
  const read = (file: string) => {
    const bytes = readFileSync(file);
    if (file.endsWith('.tags')) return (JSON.parse(bytes.toString()) as { tags: string[] }).tags[0];
    return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  };
  /** Of which versions the files in a directory are. */
  const left = (directory: string) => {
    const path = join(root, 'page:#', directory);
    const files = existsSync(path) ? readdirSync(path, { recursive: true, withFileTypes: true }) : [];
    return files
      .filter((file) => file.isFile())
      .map(({ parentPath, name }) => `${read(join(parentPath, name))} ${name}`);
  };
  const pages = () => ['expiring', 'kept'].flatMap((tree) => left(tree)).toSorted();
  const WHOLE = ['fresh page#', 'fresh page#.gz', 'fresh page#.tags'];
  const store = (versions: PageVersions, name: string) => versions.replace(KEY, version(name), LONG, undefined);
  /** A process replaces a page, and is killed when the gzipped form is there. */
  const replaceHalf = (name: string, replaced: string) =>
    new Promise<void>((resolve) => {
      beforePut.set('/expiring/page#.tags', () => {
        resolve();
        return new Promise<never>(() => {});
      });
      void other!.replace(KEY, version(name), 300, replaced);
    });

  it.each([LONG, 0])('are of one version when they are confirmed, with a ttl of %i', async (ttl) => {
    let kept = 0;
    for (let round = 0; round < 300; round += 1) {
      await stores[0]!.deletePages([KEY]);
      const confirmed = async () => {
        const stored = await store(one!, 'fresh');
        if (stored !== undefined) await one!.confirm(KEY, page(), ttl, stored);
      };
      const withdrawn = async () => {
        const stored = await store(other!, 'stale');
        if (stored !== undefined) await other!.withdraw(KEY, stored);
      };
      await Promise.all(round % 2 ? [confirmed(), withdrawn()] : [withdrawn(), confirmed()]);
      const found = pages();
      if (found.length > 0) expect(found).toEqual(WHOLE);
      kept += found.length;
    }
    expect(kept).toBeGreaterThan(0);
  });

  it.each([LONG, 0])('go when they are of two versions, with a ttl of %i', async (ttl) => {
    let stale: string | undefined;
    beforePut.set('/expiring/page#', async () => {
      stale = await store(other!, 'stale');
    });
    const fresh = await store(one!, 'fresh');
    expect(pages()).toEqual(['fresh page#', 'stale page#.gz', 'stale page#.tags']);
    await one!.confirm(KEY, page(), ttl, fresh!);
    expect(pages()).toEqual([]);
    await other!.withdraw(KEY, stale!);
    expect(pages()).toEqual([]);
  });

  it('are left alone by who withdraws another version', async () => {
    let stale: string | undefined;
    beforePut.set('/expiring/page#.gz', async () => {
      stale = await store(other!, 'stale');
    });
    const fresh = await store(one!, 'fresh');
    await other!.withdraw(KEY, stale!);
    await one!.confirm(KEY, page(), LONG, fresh!);
    expect(pages()).toEqual(WHOLE);
  });

  it('go with who withdraws a version of which only the page is left', async () => {
    beforePut.set('/expiring/page#', async () => {
      const fresh = await store(one!, 'fresh');
      await one!.confirm(KEY, page(), LONG, fresh!);
      expect(pages()).toEqual(WHOLE);
    });
    const stale = await store(other!, 'stale');
    await other!.withdraw(KEY, stale!);
    expect(pages()).toEqual([]);
  });

  it.each([LONG, 0])('go soon when one process is killed between them, with a ttl of %i', async (ttl) => {
    const fresh = await store(one!, 'fresh');
    await replaceHalf('stale', fresh!);
    expect(pages()).toEqual(['fresh page#', 'fresh page#.tags', 'stale page#.gz']);
    await one!.confirm(KEY, page(), ttl, fresh!);
    await expect.poll(() => [...pages(), ...left('tmp')], { timeout: 5000 }).toEqual([]);
  });

  it('go soon when one process is killed while the other takes them among those without a ttl', async () => {
    const fresh = await store(one!, 'fresh');
    beforePut.set('/kept/page#.gz', () => replaceHalf('stale', fresh!));
    await one!.confirm(KEY, page(), 0, fresh!);
    expect(pages()).toEqual([]);
    await expect.poll(() => left('tmp'), { timeout: 5000 }).toEqual([]);
    expect(pages()).toEqual([]);
  });

  it('leave nothing of the killed process beside a page without a ttl', async () => {
    const fresh = await store(one!, 'fresh');
    // It has seen the page where it was, and goes on when that has gone.
    beforePut.set('/expiring/page#.gz', async () => {
      await one!.confirm(KEY, page(), 0, fresh!);
      expect(pages()).toEqual(WHOLE);
    });
    await replaceHalf('stale', fresh!);
    expect(pages()).toEqual([...WHOLE, 'stale page#.gz'].toSorted());
    await expect.poll(() => [...left('expiring'), ...left('tmp')], { timeout: 5000 }).toEqual([]);
    expect(left('kept').toSorted()).toEqual(WHOLE);
  });
});
