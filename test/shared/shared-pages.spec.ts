import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCacheService } from '../../lib/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';
import { type Answer, answer } from '../support/site.js';
import { now, ReadersController, reset } from './support/readers.js';
import { CountingStore, useSessions } from './support/sessions.js';

const HIT = 'nestjs-nginx-cache; hit';
const STORED = 'nestjs-nginx-cache; fwd=miss; stored';

describe.each(PLATFORMS)('a shared page that the application serves, on %s', (platform) => {
  const sessions = new CountingStore();
  const asked: string[] = [];
  let app: INestApplication;
  let url: string;
  let log: PageLog;
  let ada: string;
  let pages = 0;
  /** A path that nobody has asked for. */
  const fresh = () => `/posts/${(pages += 1)}`;
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    answer(url + path, { method, headers });
  const page = (path: string) => `<p>${path} for nobody, lang=en, no credentials</p>`;
  const rendered = (path: string) => now.renders.get(path) ?? 0;
  const seen = async (ask: () => Promise<Answer>) => {
    const [reads, before] = [sessions.reads, asked.length];
    const given = await ask();
    return {
      body: given.body.toString(),
      status: given.status,
      reads: sessions.reads - reads,
      asked: asked.length - before,
    };
  };

  beforeAll(async () => {
    ({ app, url } = await startApplication({
      platform,
      controllers: [ReadersController],
      providers: [PageLog],
      options: {
        shared: ['/posts/*', '/short/*', '/not/*'],
        staleIfError: 600_000,
        variants: [{ name: 'lang', cookie: 'lang', values: ['en', 'de'], default: 'en' }],
      },
      prepare: async (created) => {
        created.use(({ url: path = '' }: { url?: string }, _: unknown, next: () => void) => {
          asked.push(path);
          next();
        });
        await useSessions(created, platform, sessions);
      },
    }));
    log = app.get(PageLog);
    const login = await answer(`${url}/login/ada`, { method: 'POST' });
    ada = login.headers.get('set-cookie')?.split(';')[0] ?? '';
  });
  beforeEach(reset);
  afterAll(() => app.close());

  it('is sent to a visitor with a session before anything looks at that', async () => {
    const path = fresh();
    expect((await get(path)).body.toString()).toBe(`<p>${path} for nobody, lang=en, no credentials</p>`);
    expect(await log.outcome(path)).toBe('stored');
    for (const headers of [
      { cookie: ada },
      { authorization: 'Bearer x' },
      { cookie: `${ada}; x=1`, authorization: 'y' },
    ]) {
      expect(await seen(() => get(path, headers))).toEqual({ body: page(path), status: HIT, reads: 0, asked: 0 });
    }
    expect(rendered(path)).toBe(1);
  });

  it('is made as nobody when it is not stored, and then stored', async () => {
    const path = fresh();
    // Once by the stand-in; no session is asked for.
    expect(await seen(() => get(path, { cookie: ada, authorization: 'Bearer x' }))).toEqual({
      body: page(path),
      status: STORED,
      reads: 0,
      asked: 1,
    });
    expect(await log.outcome(path)).toBe('stored');
    expect((await get(path)).status).toBe(HIT);
    expect(rendered(path)).toBe(1);
  });

  it('is rendered once for many who come at the same time, with and without a session', async () => {
    const path = fresh();
    now.gate = new Gate();
    const all = Array.from({ length: 30 }, (_, index) =>
      get(path, index % 3 === 0 ? {} : { cookie: `${ada}; n=${index}` }),
    );
    await now.gate.reached;
    await expect
      .poll(() => asked.filter((one) => one === path).length)
      .toBe(30)
      .finally(() => now.gate?.open());
    for (const { body } of await Promise.all(all)) expect(body.toString()).toBe(page(path));
    expect(rendered(path)).toBe(1);
  });

  it('is another one by a variant', async () => {
    const path = fresh();
    const german = await get(path, { cookie: `lang=de; ${ada}` });
    expect(german.body.toString()).toBe(`<p>${path} for nobody, lang=de, no credentials</p>`);
    expect((await get(path, { cookie: ada })).body.toString()).toBe(page(path));
    await expect.poll(async () => (await get(path, { cookie: `${ada}; lang=de` })).status).toBe(HIT);
    expect(rendered(path)).toBe(2);
  });

  it('answers conditions and ranges of a visitor with a session', async () => {
    const path = fresh();
    const tag = (await get(path, { cookie: ada })).headers.get('etag') ?? '';
    expect((await get(path, { cookie: ada, 'if-none-match': tag })).code).toBe(304);
    const other = fresh();
    // Nobody has the page yet.
    const part = await get(other, { cookie: ada, range: 'bytes=0-2' });
    expect([part.code, part.body.toString()]).toEqual([206, '<p>']);
    expect(await log.outcome(other)).toBe('stored');
  });

  it.each([
    ['private', 'private'],
    ['set-cookie', 'cookie'],
    ['no-handler', 'guarded'],
  ])('is none where it would not be stored (%s): the visitor gets an answer of his own', async (reason, name) => {
    const path = `/not/${name}`;
    const own = `<p>${path} for ada, ${ada}, no credentials</p>`;
    const first = await get(path, { cookie: ada });
    const detail = name === 'guarded' ? 'guarded' : `not-shared-${reason}`;
    expect([first.body.toString(), first.status]).toEqual([own, `nestjs-nginx-cache; fwd=bypass; detail=${detail}`]);
    // For a while, nobody tries again.
    const before = rendered(path);
    expect(await seen(() => get(path, { cookie: ada }))).toMatchObject({ body: own, reads: 1, asked: 1 });
    expect(rendered(path)).toBe(before + 1);
  });

  it('is nothing that other paths and unsafe methods have to do with', async () => {
    const own = await get('/own/1', { cookie: ada });
    expect([own.body.toString(), own.status]).toEqual([
      `<p>/own/1 for ada, ${ada}, no credentials</p>`,
      'nestjs-nginx-cache; fwd=bypass; detail=cookie',
    ]);
    const path = fresh();
    await get(path, { cookie: ada });
    expect(await log.outcome(path)).toBe('stored');
    expect((await get(path, { cookie: ada }, 'POST')).body.toString()).toBe('thank you ada');
    // Purged, as by anybody.
    await get(path, { cookie: ada });
    expect(rendered(path)).toBe(2);
  });

  it('goes with a purge', async () => {
    const path = fresh();
    await get(path, { cookie: ada });
    expect(await log.outcome(path)).toBe('stored');
    const pagesOf = app.get(PageCacheService);
    await pagesOf.purge(path);
    expect((await get(path, { cookie: ada })).status).toBe(STORED);
    expect(rendered(path)).toBe(2);
  });

  it('is replaced by its copy when the application fails a visitor with a session', async () => {
    const path = `/short/${(pages += 1)}`;
    await get(path, { cookie: ada });
    expect(await log.outcome(path)).toBe('stored');
    now.status = 503;
    await expect.poll(async () => (await get(path, { cookie: ada })).status).toMatch(/; fwd=stale; fwd-status=503;/);
    expect((await get(path, { cookie: ada })).body.toString()).toBe(page(path));
    // A purge takes the copy as well.
    await app.get(PageCacheService).purge(path);
    const failed = await get(path, { cookie: ada });
    expect([failed.code, failed.status]).toEqual([503, 'nestjs-nginx-cache; fwd=bypass; detail=not-shared-status-503']);
  });
});
