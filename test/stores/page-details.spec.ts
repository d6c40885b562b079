import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyv } from 'keyv';
import { afterAll, describe, expect, it } from 'vitest';
import { fileStore, keyvStore, memoryStore, type Page } from '../../lib/index.js';
import { bodyFormat } from '../../lib/page/body-format.js';
import type { StoreContext } from '../../lib/stores/page-store.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { patientStore } from '../support/patience.js';
import { beginPage, putPage } from '../support/put-page.js';

const memcached = await MemcachedServer.start();
const root = mkdtempSync(join(tmpdir(), 'details-'));

afterAll(async () => {
  await memcached.stop();
  rmSync(root, { recursive: true });
});

const context: StoreContext = {
  format: bodyFormat([], () => 'text/html'),
  prefix: 'p:',
  maxPageBytes: 1000,
  compress: false,
  mustList: false,
};
const page: Page = {
  status: 200,
  headers: [['Content-Type', 'text/html']],
  body: Buffer.alloc(500, 'x'),
  tags: ['one', 'two'],
};

describe('what a store knows of its pages', () => {
  it.each([
    { store: memoryStore(), knowsReads: true, knowsAge: true },
    { store: patientStore(memcached.address), knowsReads: true, knowsAge: true },
    { store: fileStore({ root }), knowsReads: true, knowsAge: true },
    { store: keyvStore(new Keyv()), knowsReads: false, knowsAge: false },
  ])('$store.kind', async ({ store, knowsReads, knowsAge }) => {
    const open = store.open(context);
    try {
      expect(await putPage(open, 'p:/a', page, 60_000)).toMatchObject({ stored: true });
      expect(await putPage(open, 'p:/b', { ...page, tags: [] }, 0)).toMatchObject({ stored: true });

      const [first, second, missing] = await open.details!(['p:/a', 'p:/b', 'p:/none']);

      expect(missing).toBeUndefined();
      // Spread by 10 %.
      expect(first!.ttl).toBeGreaterThan(1000);
      expect(first!.ttl).toBeLessThanOrEqual(67_000);
      expect(first!.size).toBeGreaterThanOrEqual(500);
      expect(first!.size).toBeLessThan(700);
      expect(first).toMatchObject({ tags: ['one', 'two'], ...(knowsReads && { isRead: false }) });
      expect(second).toMatchObject({ ttl: 0, tags: [] });
      expect(first!.age !== undefined).toBe(knowsAge);
      expect(first!.age ?? 0).toBeLessThan(60_000);
      // To ask about a page is not to read it.
      expect((await open.details!(['p:/a']))[0]!.isRead).toBe(knowsReads ? false : undefined);
      await open.keyv.get('p:/a');
      expect((await open.details!(['p:/a']))[0]!.isRead).toBe(knowsReads ? true : undefined);
    } finally {
      await open.keyv.disconnect();
    }
  });
});

describe('who replaces a page is told whether it was read, if somebody wants to know', () => {
  const key = 'p:/replaced';

  it.each([memoryStore(), patientStore(memcached.address), fileStore({ root })])('$kind', async (store) => {
    const open = store.open({ ...context, refreshesAhead: true });
    const replace = async (text: string, isReadMeanwhile = false) => {
      const write = await beginPage(open, key);
      if (isReadMeanwhile) await open.keyv.get(key);
      return write.commit({ ...page, body: Buffer.from(text) }, 60_000);
    };
    try {
      await open.journal.look();
      expect(await replace('first')).toEqual({ stored: true });
      expect(await replace('second')).toEqual({ stored: true });
      expect(await replace('third', true)).toEqual({ stored: true, wasRead: true });
      // The same bytes: files have two names then, and one time of access.
      expect(await replace('third', true)).toEqual({ stored: true, wasRead: true });
      expect(await replace('third')).toEqual({ stored: true });
    } finally {
      await open.keyv.disconnect();
    }
  });
});
