import { setTimeout as delay } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { Controller, Get, Header } from '@nestjs/common';
import { expect, it } from 'vitest';
import {
  keyvStore,
  memcachedStore,
  memcachePp,
  type PageStoreDefinition,
  PageCacheService,
  PurgeIncompleteError,
} from '../../lib/index.js';
import { PendingPurges } from '../../lib/purging/pending-purges.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';

const database = { version: 1 };

@Controller()
class PageController {
  @Get(['page', 'other'])
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return `version ${database.version}`;
  }
}

/** A Map whose operations can be made to fail. */
class Adapter {
  readonly opts = {};
  readonly #values = new Map<string, unknown>();
  /** Called before or after an operation of this name. */
  before: Partial<Record<'set' | 'delete', () => Promise<void>>> = {};
  after: Partial<Record<'set', () => Promise<void>>> = {};

  on() {
    return this;
  }
  async get(key: string) {
    return this.#values.get(key);
  }
  async set(key: string, value: unknown) {
    await this.before.set?.();
    this.#values.set(key, value);
    await this.after.set?.();
  }
  async delete(key: string) {
    await this.before.delete?.();
    return this.#values.delete(key);
  }
  async clear() {
    this.#values.clear();
  }
}

const start = (store: PageStoreDefinition) =>
  startApplication({
    platform: 'express',
    controllers: [PageController],
    providers: [PageLog],
    options: { store, compress: false },
    logger: false,
  });

async function nothingIsPending(app: INestApplication): Promise<void> {
  await expect.poll(() => app.get(PendingPurges).size).toBe(0);
}

it.each([new Error('no connection'), new TypeError('fetch failed')])(
  'a purge is made up for whatever error the store has thrown: %s',
  async (error) => {
    const adapter = new Adapter();
    const { app, url } = await start(keyvStore(adapter as never));
    const page = async () => (await fetch(`${url}/page`)).text();
    await page();
    expect(await app.get(PageLog).outcome('/page')).toBe('stored');
    database.version += 1;
    adapter.before.delete = () => Promise.reject(error);
    await expect(app.get(PageCacheService).purge('/page')).rejects.toThrow(PurgeIncompleteError);
    expect(app.get(PendingPurges).size).toBe(1);
    adapter.before = {};
    await nothingIsPending(app);
    expect(await page()).toBe(`version ${database.version}`);
    await app.close();
  },
);

it.each(['it cannot be taken away again', 'nobody knows whether it was stored'])(
  'a page that was purged while it was stored goes, also when %s',
  async (how) => {
    const adapter = new Adapter();
    const { app, url } = await start(keyvStore(adapter as never));
    const page = async () => (await fetch(`${url}/page`)).text();
    const purged = async () => {
      database.version += 1;
      await app.get(PageCacheService).purge('/page');
    };
    const lost = () => Promise.reject(new Error('connection lost'));
    if (how.startsWith('it')) {
      adapter.before.set = async () => {
        await purged();
        adapter.before.delete = lost;
      };
    } else {
      adapter.before.set = purged;
      adapter.after.set = lost;
    }
    await page();
    expect(await app.get(PageLog).outcome('/page')).toBe('store-failed');
    Object.assign(adapter, { before: {}, after: {} });
    await nothingIsPending(app);
    expect(await page()).toBe(`version ${database.version}`);
    await app.close();
  },
);

it('more paths than are remembered are made up for one by one where the store cannot list its pages', async () => {
  await using memcached = await MemcachedServer.start();
  const { app, url } = await start(memcachedStore({ client: memcachePp(memcached.address) }));
  const log = app.get(PageLog);
  const store = async (path: string) => {
    for (;;) {
      log.forget();
      await fetch(url + path);
      if ((await log.outcome(path)) === 'stored') return;
      await delay(20);
    }
  };
  await store('/page');
  memcached.pause();
  const others = Array.from({ length: 1001 }, (_, index) => `/none/${index}`);
  await expect(app.get(PageCacheService).purge('/page', ...others)).rejects.toThrow(PurgeIncompleteError);
  memcached.resume();
  await nothingIsPending(app);
  expect(await memcached.keys()).toEqual([]);
  await store('/other');
  await app.close();
});
