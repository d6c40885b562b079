import { AsyncLocalStorage } from 'node:async_hooks';
import {
  Controller,
  Get,
  Header,
  HttpException,
  Injectable,
  type NestMiddleware,
  NotFoundException,
  Param,
  Res,
} from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type NginxCacheOptions, OnPageCache, PageCache, PageCacheService, PageRequested } from '../../lib/index.js';
import type { RawResponse } from '../../lib/testing/index.js';
import { type Platform, PLATFORMS, startApplication } from '../support/applications.js';
import { FLAVOURS, type FlavourSite, startFlavour } from '../support/flavours.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';
const context = new AsyncLocalStorage<string>();

/** What the pages of all tests answer. */
const now = { version: 1, status: 200, renders: 0, gate: undefined as Gate | undefined, contexts: [] as unknown[] };

async function render(): Promise<string> {
  now.renders += 1;
  now.contexts.push(context.getStore());
  const { version } = now;
  await now.gate?.pass();
  if (now.status === 404) throw new NotFoundException('gone');
  if (now.status !== 200) throw new HttpException(`failed ${'x'.repeat(2000)}`, now.status);
  return `<p>version ${version} ${'y'.repeat(2000)}</p>`;
}

@Controller()
class StaleController {
  @Get('pages/:id') @PageCache({ ttl: 200 }) @Header('content-type', HTML) page() {
    return render();
  }
  @Get('written') @PageCache({ ttl: 200 }) async written(@Res() response: { raw?: ServerResponse }) {
    const raw = response.raw ?? (response as unknown as ServerResponse);
    raw.writeHead(now.status, { 'content-type': HTML });
    raw.write(`version ${now.version}, `);
    setImmediate(() => raw.end('in two pieces'));
  }
  @Get('said/:directives')
  @PageCache({ ttl: 200 })
  @Header('content-type', HTML)
  said(
    @Param('directives') directives: string,
    @Res({ passthrough: true }) response: { header(...f: string[]): void },
  ) {
    response.header('cache-control', directives);
    return render();
  }
}

@Injectable()
class BypassListener {
  @OnPageCache(PageRequested)
  onRequested(event: PageRequested): void {
    if (event.request.headers['x-secret'] !== undefined) event.bypass('secret');
  }
}

function reset(): void {
  Object.assign(now, { version: 1, status: 200, renders: 0, gate: undefined, contexts: [] });
}

const STALE: NginxCacheOptions = { staleWhileRevalidate: 60_000, staleIfError: 600_000 };

/** Asks for a page until it is stored: on a busy machine, its time may end before that. */
async function stored(site: FlavourSite, target: string): Promise<void> {
  const outcome = async () => {
    site.log.outcomes.delete(target);
    const answer = await site.get(target);
    // On a busy machine, a page may be stored after the application has given up to wait for it. Then nothing is rendered.
    if (field(answer, 'cache-status').endsWith('; hit')) return 'stored';
    return site.log.outcome(target);
  };
  await expect.poll(outcome).toBe('stored');
}

/** Stores a page, and waits until its time is over. */
async function outlived(site: FlavourSite, target: string): Promise<void> {
  await stored(site, target);
  const pages = site.app.get(PageCacheService);
  await expect.poll(() => pages.get(target)).toBeUndefined();
}

const field = ({ headers }: RawResponse, wanted: string) =>
  headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '';

describe.each(FLAVOURS.map((flavour, index) => [flavour, PLATFORMS[index % 2]!] as const))(
  '$name',
  (flavour, platform: Platform) => {
    it('answers at once with the copy while the page is rendered again, once, as nobody', async () => {
      reset();
      await using site = await startFlavour(flavour, platform, STALE, { controllers: [StaleController] });
      await outlived(site, '/pages/a');
      const gate = new Gate();
      Object.assign(now, { version: 2, gate, contexts: [], renders: 0 });
      const asked = Array.from({ length: 5 }, () => site.get('/pages/a'));
      const first = await Promise.race(asked);
      let isReached = false;
      void gate.reached.then(() => (isReached = true));
      // If the page ended while it was stored, an earlier renewal may still hold the turn. Then a later visitor starts the next renewal.
      const askAgain = () => {
        if (!isReached) asked.push(site.get('/pages/a'));
        return isReached;
      };
      await expect.poll(askAgain).toBe(true);
      site.log.outcomes.clear();
      gate.open();
      const answers = await Promise.all(asked);
      const copies = answers.filter((one) => field(one, 'cache-status').includes('stale-while-revalidate'));
      expect(copies).toContain(first);
      expect(first.body.toString()).toContain('version 1 ');
      for (const one of copies) {
        expect(field(one, 'cache-status')).toMatch(
          /^nestjs-nginx-cache; hit; ttl=(?:0|-\d+); detail=stale-while-revalidate$/,
        );
        expect(field(one, 'age')).toMatch(/^\d+$/);
      }
      // On a busy machine memcached may be late for one of them, who has to wait.
      expect(now.renders).toBeLessThanOrEqual(1 + answers.length - copies.length);
      expect(now.contexts).toContain(undefined);
      now.gate = undefined;
      const outcome = await site.log.outcome('/pages/a');
      expect(['stored', 'evicted']).toContain(outcome);
      if (outcome === 'evicted') await stored(site, '/pages/a');
      expect((await site.get('/pages/a')).body.toString()).toContain('version 2 ');
    });

    it('sends the copy instead of an error, whoever writes it, and the error itself without one', async () => {
      reset();
      const more = { staleIfError: 600_000 };
      await using site = await startFlavour(flavour, platform, more, { controllers: [StaleController] });
      await outlived(site, '/pages/b');
      await outlived(site, '/written');
      for (const status of [500, 502, 503, 504]) {
        Object.assign(now, { version: 2, status });
        const { body: error } = await site.direct('/pages/b');
        for (const target of ['/pages/b', '/written']) {
          const copy = await site.get(target);
          expect([copy.status, field(copy, 'content-type')]).toEqual([200, HTML]);
          expect(copy.body.toString()).toContain('version 1');
          const said = `nestjs-nginx-cache; fwd=stale; fwd-status=${status}; ttl=-`;
          expect(field(copy, 'cache-status')).toContain(said);
          expect(field(copy, 'cache-status')).toMatch(/; detail=stale-if-error$/);
          expect(field(copy, 'age')).toMatch(/^\d+$/);
        }
        const none = await site.get(`/pages/none-${status}`);
        expect([none.status, none.body.toString()]).toEqual([status, error.toString()]);
      }
      // The last one may be stored in its place.
      for (const status of [429, 501, 404]) {
        Object.assign(now, { status });
        expect((await site.get('/pages/b')).status).toBe(status);
      }
    });

    it('sends none to a request that bypasses the cache, after its time, and after a purge', async () => {
      reset();
      const more = { ...STALE, staleIfError: 1, staleWhileRevalidate: 1 };
      await using site = await startFlavour(flavour, platform, more, { controllers: [StaleController] });
      await outlived(site, '/said/stale-while-revalidate=60,stale-if-error=60');
      await outlived(site, '/pages/c');
      now.status = 500;
      const pages = site.app.get(PageCacheService);
      const failed = async (target: string, fields = {}) => (await site.get(target, fields)).status === 500;
      expect(await failed('/said/stale-while-revalidate=60,stale-if-error=60')).toBe(false);
      for (const fields of [{ Cookie: 'session=1' }, { Authorization: 'Basic eA==' }, { 'X-Requested-With': 'x' }]) {
        expect(await failed('/said/stale-while-revalidate=60,stale-if-error=60', fields)).toBe(true);
      }
      await expect.poll(() => failed('/pages/c')).toBe(true);
      expect((await pages.purgeAll()).purged).toBe(0);
      expect(await failed('/said/stale-while-revalidate=60,stale-if-error=60')).toBe(true);
    });
  },
);

describe.each(PLATFORMS)('the application alone, %s', (platform) => {
  const start = async (options: NginxCacheOptions = STALE) => {
    reset();
    const { app, url } = await startApplication({
      platform,
      options: { hosts: 'any', ...options },
      controllers: [StaleController],
      providers: [PageLog, BypassListener],
      prepare: (made) => {
        const run: NestMiddleware['use'] = (_request, _response, next) => context.run('visitor', () => next());
        made.use(run);
      },
    });
    const log = app.get(PageLog);
    const outlive = async (target: string) => {
      expect((await answer(url + target)).code).toBe(200);
      expect(await log.outcome(target)).toBe('stored');
      await expect.poll(() => app.get(PageCacheService).get(target)).toBeUndefined();
    };
    return { app, log, outlive, get: (target: string, init?: RequestInit) => answer(url + target, init) };
  };

  it.each([
    ['max-age=1, must-revalidate', false],
    ['max-age=1, proxy-revalidate, stale-if-error=60', false],
    ['s-maxage=1', false],
    ['s-maxage=1, stale-while-revalidate=60', true],
    ['max-age=1, stale-while-revalidate=60', true],
    ['max-age=1, stale-while-revalidate=x', false],
    ['max-age=1, stale-while-revalidate=0', false],
    ['max-age=1', true],
  ])('reads what a page says: %s', async (directives, isAllowed) => {
    const { app, outlive, get } = await start();
    const target = `/said/${encodeURIComponent(directives).replaceAll('%2C', ',').replaceAll('%3D', '=')}`;
    await outlive(target);
    now.version = 2;
    expect((await get(target)).status).toMatch(isAllowed ? /stale-while-revalidate$/ : /fwd=miss/);
    await app.close();
  });

  it('forgets the copy of what is no page any more', async () => {
    const { app, log, outlive, get } = await start();
    await outlive('/pages/a');
    now.status = 404;
    log.forget();
    expect((await get('/pages/a')).code).toBe(200);
    await log.outcome('/pages/a');
    await expect.poll(async () => (await get('/pages/a')).code).toBe(404);
    await app.close();
  });

  it('goes on sending the copy when the page cannot be rendered again', async () => {
    const { app, outlive, get } = await start({ staleWhileRevalidate: 60_000 });
    await outlive('/pages/a');
    now.status = 500;
    for (let count = 0; count < 3; count += 1) expect((await get('/pages/a')).code).toBe(200);
    await app.close();
  });

  it('sends no copy to whom a listener keeps away', async () => {
    const { app, outlive, get } = await start();
    await outlive('/pages/a');
    now.status = 503;
    expect((await get('/pages/a')).code).toBe(200);
    expect((await get('/pages/a', { headers: { 'x-secret': '1' } })).code).toBe(503);
    await app.close();
  });

  it('is not switched on by a page', async () => {
    const { app, outlive, get } = await start({});
    const target = '/said/max-age=1,stale-while-revalidate=60,stale-if-error=60';
    await outlive(target);
    now.status = 500;
    expect((await get(target)).code).toBe(500);
    await app.close();
  });
});
