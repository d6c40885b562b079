import { Controller, Get, Header, type INestApplication, Param } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  memcachedStore,
  memoryStore,
  nginxConf,
  type NginxCacheOptions,
  PageCacheService,
  PurgeIncompleteError,
} from '../../lib/index.js';
import { PAGE_STORE } from '../../lib/options/tokens.js';
import { PAGE_KEY_HEADER } from '../../lib/page/page-key-header.js';
import type { PageStore } from '../../lib/stores/page-store.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';
import { patientStore } from '../support/patience.js';
import { answer } from '../support/site.js';

/** Longer than any test: a page that goes has not gone by itself. */
const LONG = 3_600_000;

let state = 'old';
/** What the second post waits for while it is rendered. */
let gate: Gate | undefined;

@Controller()
class PostsController {
  @Get('posts/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  async post(@Param('id') id: string) {
    if (id === '2') await gate?.pass();
    return `<h1>${id}: ${state}</h1>`;
  }
}

describe('memory in front of memcached', () => {
  let memcached: MemcachedServer;
  /** Two processes of one site, of which the second one keeps pages for a moment. */
  const apps: INestApplication[] = [];
  const urls: string[] = [];

  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    for (const [platform, ttl] of [
      ['express', LONG],
      ['fastify', 50],
    ] as const) {
      const options: NginxCacheOptions = {
        hosts: 'any',
        tiers: [memoryStore({ maxBytes: 1_000_000, ttl }), patientStore(memcached.address)],
      };
      const { app, url } = await startApplication({
        platform,
        options,
        controllers: [PostsController],
        providers: [PageLog],
        isPatient: true,
      });
      apps.push(app);
      urls.push(url);
    }
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await memcached.stop();
  });

  const cache = (process: number) => apps[process]!.get(PageCacheService);
  const store = (process: number) => apps[process]!.get<PageStore>(PAGE_STORE, { strict: false });
  const body = async (process: number, target: string) => String((await answer(urls[process]! + target)).body);

  /** Whether the application answers without asking memcached. */
  async function isInMemory(target: string): Promise<boolean> {
    const asked = vi.spyOn(store(0).keyv, 'get');
    try {
      const { status } = await answer(urls[0]! + target);
      return asked.mock.calls.length === 0 && /; hit/.test(status);
    } finally {
      asked.mockRestore();
    }
  }

  async function warm(target: string): Promise<void> {
    await expect.poll(() => isInMemory(target)).toBe(true);
  }

  beforeEach(async () => {
    state = 'old';
    gate?.open();
    gate = undefined;
    await cache(0).purgeAll();
  });

  it('answers without asking memcached', async () => {
    await warm('/posts/1');
    for (let visit = 0; visit < 3; visit += 1) expect(await isInMemory('/posts/1')).toBe(true);
    expect(await body(0, '/posts/1')).toBe('<h1>1: old</h1>');
  });

  it.each([
    ['a page', () => cache(0).purge('/posts/1')],
    ['a subtree', () => cache(0).purgeUnder('/posts')],
    ['a tag', () => cache(0).purgeTags('any')],
    ['everything', () => cache(0).purgeAll()],
  ])('forgets at once when this process purges %s', async (what, purge) => {
    await warm('/posts/1');
    await warm('/posts/2');
    state = 'new';
    await purge();
    // The page has no such tag, so memcached still has it; memory does not know that.
    if (what === 'a tag') expect(await isInMemory('/posts/1')).toBe(false);
    else expect(await body(0, '/posts/1')).toBe('<h1>1: new</h1>');
    if (what === 'a page') expect(await isInMemory('/posts/2')).toBe(true);
  });

  it('forgets at once when this process renders the page again', async () => {
    await warm('/posts/1');
    state = 'new';
    await cache(0).refresh('/posts/1');
    expect(await body(0, '/posts/1')).toBe('<h1>1: new</h1>');
  });

  it.each(['refresh', 'publish'] as const)(
    'does not keep what another process has stored and taken back during %s()',
    async (how) => {
      await warm('/posts/1');
      await warm('/posts/2');
      const [key = ''] = cache(0).keysFor('/posts/1');
      const log = apps[0]!.get(PageLog);
      state = 'new';
      log.forget();
      gate = new Gate();
      const replacing = cache(0)[how]('/posts/1', '/posts/2');
      await gate.reached;
      expect(await log.outcome('/posts/1')).toBe('stored');
      // A rendering that had begun before.
      await memcached.send(`ms ${key} 15\r\n<h1>1: old</h1>`);
      await warm('/posts/1');
      expect(await body(0, '/posts/1')).toBe('<h1>1: old</h1>');
      await memcached.send(`md ${key}`);
      gate.open();
      await replacing;
      expect(await body(0, '/posts/1')).toBe('<h1>1: new</h1>');
    },
  );

  it('forgets what another process has purged as soon as this one has read the journal', async () => {
    await warm('/posts/1');
    await warm('/posts/2');
    state = 'new';
    await cache(1).purge('/posts/1');
    await store(0).journal.catchUp();
    expect(await body(0, '/posts/1')).toBe('<h1>1: new</h1>');
    expect(await isInMemory('/posts/2')).toBe(true);
  });

  it('does not answer from memory what nginx has not found in memcached', async () => {
    await warm('/posts/1');
    state = 'new';
    await cache(1).purge('/posts/1');
    const [key = ''] = cache(0).keysFor('/posts/1');
    const { body: sent } = await answer(`${urls[0]}/posts/1`, { headers: { [PAGE_KEY_HEADER]: key } });
    expect(String(sent)).toBe('<h1>1: new</h1>');
  });

  it('forgets it by itself, without reading the journal', async () => {
    await expect.poll(() => body(1, '/posts/1')).toBe('<h1>1: old</h1>');
    state = 'new';
    await cache(0).purge('/posts/1');
    await expect.poll(() => body(1, '/posts/1')).toBe('<h1>1: new</h1>');
  });

  it('answers while memcached is away, and not with a page whose purge has failed', async () => {
    await warm('/posts/1');
    await memcached.kill();
    try {
      expect(await isInMemory('/posts/1')).toBe(true);
      state = 'new';
      await expect(cache(0).purge('/posts/1')).rejects.toThrow(PurgeIncompleteError);
      expect(await body(0, '/posts/1')).toBe('<h1>1: new</h1>');
    } finally {
      await memcached.restart();
    }
    await warm('/posts/1');
  });
});

it('nginx reads the last tier', () => {
  const store = memcachedStore({ servers: '127.0.0.1:11211' });
  const deployment = { app: '127.0.0.1:3000' };
  expect(nginxConf({ hosts: 'any', tiers: [memoryStore(), store] }, deployment)).toEqual(
    nginxConf({ hosts: 'any', store }, deployment),
  );
});
