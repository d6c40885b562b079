import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import { type NginxServer, RawClient } from '../../../lib/testing/index.js';
import { temporaryRoot } from '../../support/files-site.js';
import { collect, context } from '../pages.js';
import { startFilesNginx } from './files-nginx.js';
import { isSealed, sealed } from './sealed.js';
import { StoreProgram } from './store-process.js';

const ROUNDS = 200;
const PAGES = 4;
const GRACE = 60_000;

/** Writes and deletes pages as fast as it can, until it is killed or, with a number of milliseconds, for so long. */
const WRITES = `
  import { gzipSync } from 'node:zlib';
  import { fileStore } from 'file-store';
  import { bodyFormat } from 'body-format';
  import { sealed } from 'sealed';
  const [root, duration = 'Infinity'] = process.argv.slice(2);
  const { keyv, deletePages, deleteUnder, tagged } = fileStore({ root, grace: ${GRACE} }).open(
    { format: bodyFormat([]), prefix: 'page:', maxPageBytes: 1e6, compress: true, mustList: false });
  const end = Date.now() + Number(duration);
  const pages = [100, 5_000, 40_000, 300_000].map(sealed).map((plain, index) => index === 0
    ? { status: 200, headers: [], body: plain }
    : { status: 200, headers: [], body: gzipSync(plain, { level: 1 }), contentEncoding: 'gzip', tags: ['t' + index] });
  const write = async (number) => {
    for (let i = 0; Date.now() < end; i += 1) {
      const key = 'page:/deep/' + number;
      await keyv.set(key, pages[Math.floor(Math.random() * pages.length)], i % 3 ? 60_000 : 0);
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
          `GET /deep/${number} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${coding}\r\n\r\n`,
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

  it(`never leave a torn page, in ${ROUNDS} rounds of kill -9`, { timeout: 300_000 }, async () => {
    const readers = readAll();
    for (let round = 0; round < ROUNDS; round += 1) {
      const child = await program.start([root]);
      await sleep(Math.random() * 20);
      await child.kill();
    }
    const { whole, torn } = await readers.stop();
    expect(torn).toEqual([]);
    expect(whole).toBeGreaterThan(ROUNDS);

    const { keyv, keys, deletePages } = fileStore({ root }).open({ ...context, compress: true });
    const left = await collect(keys!('page:'));
    for (const key of left) {
      const page = await keyv.get(key);
      expect(isWhole(page!.body, page!.contentEncoding === 'gzip'), key).toBe(true);
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
