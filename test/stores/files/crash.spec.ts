import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import { type NginxServer, RawClient } from '../../../lib/testing/index.js';
import { temporaryRoot } from '../../support/files-site.js';
import { generator, SEED } from '../../support/random.js';
import { putPage } from '../../support/put-page.js';
import { collect, context, page } from '../pages.js';
import { startFilesNginx } from './files-nginx.js';
import { isSealed, sealed } from './sealed.js';
import { StoreProgram } from './store-process.js';
import { closeWhenDeleted } from '../../support/deletions.js';
import { entriesBelow } from '../../support/entries-below.js';

/** A process starts in each. The full run: ROUNDS=200 */
const ROUNDS = Number(process.env['ROUNDS'] ?? 80);
/** So many steps has a commit that replaces a page at most, and a purge. */
const STEPS = { store: 28, purge: 10 };
/** The same, anywhere and among others. */
const RANDOM_ROUNDS = 40;
const PAGES = 4;
const GRACE = 60_000;

/**
 * Stores a page, or purges it, and is killed before the step with the given number; says how many steps there were when there were not
 * so many.
 */
const DIES = `
  import { gzipSync } from 'node:zlib';
  import { fileStore } from 'file-store';
  import { bodyFormat } from 'body-format';
  import { putPage } from 'put-page';
  import { sealed } from 'sealed';
  const [root, last, what, ttl] = process.argv.slice(2);
  const store = fileStore({ root, grace: ${GRACE} }).open(
    { format: bodyFormat([]), prefix: 'page:', maxPageBytes: 1e6, compress: true, mustList: false });
  // The first sweep and the first look at all pages are over.
  await putPage(store, 'page:/other', { status: 200, headers: [], body: sealed(10) });
  const body = gzipSync(sealed(20_000), { level: 1 });
  let steps = 0;
  globalThis.beforeStep = () => {
    steps += 1;
    if (steps > Number(last)) process.kill(process.pid, 'SIGKILL');
  };
  if (what === 'purge') {
    await store.journal.append({ kind: 'all' });
    await store.deletePages(['page:/deep/page']);
  } else {
    await putPage(store, 'page:/deep/page', { status: 200, headers: [], body, contentEncoding: 'gzip', tags: ['t'] }, Number(ttl));
  }
  globalThis.beforeStep = undefined;
  console.log(steps);
  await store.keyv.disconnect();
`;

/** Writes and deletes pages as fast as it can, until it is killed or, with a number of milliseconds, for so long. */
const WRITES = `
  import { gzipSync } from 'node:zlib';
  import { fileStore } from 'file-store';
  import { bodyFormat } from 'body-format';
  import { putPage } from 'put-page';
  import { sealed } from 'sealed';
  const [root, duration = 'Infinity'] = process.argv.slice(2);
  const store = fileStore({ root, grace: ${GRACE} }).open(
    { format: bodyFormat([]), prefix: 'page:', maxPageBytes: 1e6, compress: true, mustList: false });
  const { keyv, deletePages, deleteUnder, tagged } = store;
  const end = Date.now() + Number(duration);
  const pages = [100, 5_000, 40_000, 300_000].map(sealed).map((plain, index) => index === 0
    ? { status: 200, headers: [], body: plain }
    : { status: 200, headers: [], body: gzipSync(plain, { level: 1 }), contentEncoding: 'gzip', tags: ['t' + index] });
  const write = async (number) => {
    for (let i = 0; Date.now() < end; i += 1) {
      const key = 'page:/deep/' + number;
      await putPage(store, key, pages[Math.floor(Math.random() * pages.length)], i % 3 ? 60_000 : 0);
      if (i === 0) console.log('writing');
      if (i % 7 === 0) await deletePages([key]);
      if (i % 31 === 0) await deleteUnder(['', '/deep', key.slice(5)][i % 3]);
      if (i % 17 === 0) for await (const one of tagged(['t1'])) await deletePages([one]);
    }
  };
  await Promise.all(Array.from({ length: ${PAGES} }, (_, number) => write(number)));
  await keyv.disconnect();
`;

describe('files of several processes that are killed', () => {
  let root: string;
  let nginx: NginxServer;
  let program: StoreProgram;

  beforeAll(async () => {
    program = await StoreProgram.build(WRITES);
  });
  afterAll(() => program?.dispose());
  beforeEach(async () => {
    root = temporaryRoot();
    nginx = await startFilesNginx({ root });
  });
  afterEach(async () => {
    await nginx.stop();
    rmSync(root, { recursive: true });
  });

  /** Reads all pages in both codings, over and over, until told to stop. */
  function readAll(): { stop: () => Promise<{ whole: number; torn: string[] }> } {
    let stopped = false;
    const torn: string[] = [];
    let whole = 0;
    const read = async (number: number, coding: string) => {
      await using client = new RawClient(nginx.port);
      while (!stopped) {
        const { status, headers, body } = await client.send(
          `GET /deep/${number} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${coding}\r\n\r\n`,
        );
        if (status !== 200) {
          // The application, which is not there.
          if (status !== 502) torn.push(`status ${status}`);
          await sleep(1);
          continue;
        }
        const packed = headers.some(([name]) => name === 'Content-Encoding');
        if (isWhole(body, packed)) whole += 1;
        else torn.push(`${number} ${coding} ${body.length}`);
      }
    };
    const all = Array.from({ length: PAGES }, (_, number) => [read(number, 'gzip'), read(number, 'identity')]);
    return {
      stop: async () => {
        stopped = true;
        await Promise.all(all.flat());
        return { whole, torn };
      },
    };
  }

  it('are checked by something that notices', () => {
    const whole = sealed(5000);
    expect(isSealed(whole)).toBe(true);
    expect(isSealed(whole.subarray(0, -1))).toBe(false);
    expect(isSealed(Buffer.concat([whole, sealed(100)]))).toBe(false);
    expect(isSealed(Buffer.alloc(0))).toBe(false);
  });

  it(`leave nothing torn, nothing stale and nothing behind, in ${ROUNDS} rounds of kill -9 between two steps, seed ${SEED}`, async () => {
    const dies = await StoreProgram.build(DIES);
    const random = generator(SEED);
    const store = fileStore({ root, grace: GRACE }).open({ ...context, compress: true });
    await using client = new RawClient(nginx.port);
    const read = async (coding: string) => {
      const { status, headers, body } = await client.send(
        `GET /deep/page HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${coding}\r\n\r\n`,
      );
      if (status === 502) return undefined;
      expect(status).toBe(200);
      const packed = headers.some(([name]) => name === 'Content-Encoding');
      expect(packed).toBe(coding === 'gzip');
      const plain = packed ? gunzipSync(body) : body;
      expect(isSealed(plain)).toBe(true);
      return plain.subarray(0, 64).toString();
    };
    const outcomes: Record<string, number> = {};
    let most = 0;
    const old = sealed(20_000);
    const packed = { ...page(gzipSync(old)), contentEncoding: 'gzip' as const, tags: ['t'] };
    for (let round = 0; round < ROUNDS; round += 1) {
      const what = random() < 0.75 ? 'store' : 'purge';
      const replaced = what === 'purge' || random() < 0.7;
      if (replaced)
        expect(await putPage(store, 'page:/deep/page', packed, random() < 0.5 ? 600_000 : 0)).toEqual({
          stored: true,
        });
      else await store.deletePages(['page:/deep/page']);
      const child = await dies.start([
        root,
        String(Math.floor(random() * STEPS[what])),
        what,
        random() < 0.5 ? '600000' : '0',
      ]);
      await child.kill();
      most = Math.max(most, Number(child.output()));
      const [plain, gzipped] = [await read('identity'), await read('gzip')];
      expect(gzipped).toBe(plain);
      const outcome = plain === undefined ? 'none' : plain === old.subarray(0, 64).toString() ? 'old' : 'new';
      if (what === 'store' && replaced) expect(outcome).not.toBe('none');
      outcomes[`${what}: ${outcome}`] = (outcomes[`${what}: ${outcome}`] ?? 0) + 1;
      if (random() < 0.5) continue;
      // A purge takes whatever the other process has left over.
      const tagged = await collect(store.tagged!(['t']));
      await store.deletePages(tagged);
      expect([await read('identity'), await read('gzip')]).toEqual([undefined, undefined]);
    }
    process.stdout.write(`${JSON.stringify({ most, outcomes })}\n`);
    expect(Object.keys(outcomes).length).toBeGreaterThan(4);
    // None is left out.
    expect(most).toBeLessThan(STEPS.store);
    await store.keyv.disconnect();
    await dies.dispose();

    // Ten minutes later nothing is left of what nobody finished.
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 660_000);
    try {
      const last = fileStore({ root, grace: GRACE }).open(context);
      await putPage(last, 'page:/last', page());
      await putPage(last, 'page:/last', page(), 1_000_000);
      await closeWhenDeleted(root, last);
    } finally {
      vi.restoreAllMocks();
    }
    const left = (directory: string) =>
      entriesBelow(join(root, 'page:#', directory))
        .filter((entry) => !entry.isDirectory())
        .map(({ parentPath, name }) => `${parentPath.slice(root.length)}/${name}`);
    expect(left('tmp')).toEqual([]);
    expect(left('expiry')).toEqual([expect.stringMatching(/-1000000-|-9\d{5}-/)]);
    // A process that was killed at its last step has left the other link beside its own. It leads nowhere.
    const linked = left('pages').filter((path) => path.endsWith('/kept') || path.endsWith('/expiring'));
    expect(new Set(linked.map((path) => dirname(path))).size).toBeLessThanOrEqual(3);
    expect(left('pages').filter((path) => path.endsWith('/page')).length).toBeLessThanOrEqual(3);
    expect(left('pages').filter((path) => path.endsWith('/link'))).toEqual([]);
  });

  it(`never leave a torn page, in ${RANDOM_ROUNDS} rounds of kill -9`, async () => {
    const readers = readAll();
    for (let round = 0; round < RANDOM_ROUNDS; round += 1) {
      const child = await program.start([root]);
      await sleep(Math.random() * 20);
      await child.kill();
    }
    const { whole, torn } = await readers.stop();
    expect(torn).toEqual([]);
    expect(whole).toBeGreaterThan(RANDOM_ROUNDS);

    const { keyv, keys, deletePages } = fileStore({ root }).open({ ...context, compress: true });
    const left = await collect(keys!('page:'));
    for (const key of left) {
      const found = await keyv.get(key);
      // Listed is also what was being written.
      if (found) expect(isWhole(found.body, found.contentEncoding === 'gzip'), key).toBe(true);
    }
    await deletePages(left);
    expect(await collect(keys!('page:'))).toEqual([]);
    await keyv.disconnect();
  });

  it('work on the same pages at once', async () => {
    const readers = readAll();
    const children = await Promise.all(Array.from({ length: 4 }, () => program.start([root, '3000'])));
    await Promise.all(children.map((child) => child.exit()));
    const { whole, torn } = await readers.stop();
    expect(torn).toEqual([]);
    expect(whole).toBeGreaterThan(100);
    // What one of them purges is gone for all.
    const { keyv, keys, deletePages } = fileStore({ root }).open(context);
    await deletePages(await collect(keys!('page:')));
    for (let number = 0; number < PAGES; number += 1) {
      expect((await fetch(`${nginx.url}/deep/${number}`)).status).toBe(502);
    }
    await keyv.disconnect();
  });
});

function isWhole(body: Buffer, packed: boolean): boolean {
  try {
    return isSealed(packed ? gunzipSync(body) : body);
  } catch {
    return false;
  }
}
