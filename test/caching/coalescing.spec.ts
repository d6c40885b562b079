import { EventEmitter, once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Controller, Get, Header, HttpException, Param, Res } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memcachedStore, memoryStore, PageCacheService } from '../../lib/index.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { type Answer, answer, type Site, startSite } from '../support/site.js';

const COLLAPSED = 'nestjs-nginx-cache; fwd=miss; collapsed';

/** Handlers that wait until a test lets them go, and what has reached the application. */
class Renders extends EventEmitter {
  /** Requests that have come in, and those whose handler runs. */
  arrived = 0;
  begun = 0;
  /** Visitors who have left before their answer. */
  left = 0;
  open = false;

  async pass(): Promise<number> {
    this.begun += 1;
    const number = this.begun;
    this.emit('change');
    while (!this.open) await once(this, 'change');
    return number;
  }

  let(open: boolean): void {
    this.open = open;
    this.emit('change');
  }

  async until(what: 'arrived' | 'begun' | 'left', count: number): Promise<void> {
    while (this[what] < count) await once(this, 'change');
  }

  reset(): void {
    [this.arrived, this.begun, this.left, this.open] = [0, 0, 0, false];
  }
}

const renders = new Renders().setMaxListeners(0);

@Controller()
class SlowController {
  @Get('page/:id')
  @Header('Content-Type', 'text/html; charset=utf-8')
  async page(@Param('id') id: string): Promise<string> {
    return `${id}: rendering ${await renders.pass()} ${'x'.repeat(2000)}`;
  }

  @Get('last')
  last(): string {
    return '';
  }

  @Get('private')
  @Header('Content-Type', 'text/html; charset=utf-8')
  async private(@Res({ passthrough: true }) response: { header(name: string, value: string): unknown }) {
    const number = await renders.pass();
    response.header('Set-Cookie', `visitor=${number}`);
    return `visitor ${number}`;
  }

  @Get('failing')
  async failing(): Promise<string> {
    throw new HttpException(`failure ${await renders.pass()}`, 503);
  }
}

const prepare = (app: { use(middleware: unknown): void }) =>
  app.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
    response.once('close', () => {
      if (response.writableEnded) return;
      renders.left += 1;
      renders.emit('change');
    });
    renders.arrived += 1;
    renders.emit('change');
    next();
  });

/** Whoever has come before waits by now: another page has come as far as its handler. */
async function settled(url: string): Promise<void> {
  const { begun, arrived } = renders;
  await fetch(`${url}/last`);
  [renders.begun, renders.arrived] = [begun, arrived];
}

const many = (count: number, ask: (index: number) => Promise<Answer>) =>
  Array.from({ length: count }, (_, i) => ask(i));

describe.each(PLATFORMS.flatMap((platform) => (['memory', 'memcached'] as const).map((kind) => ({ platform, kind }))))(
  'visitors who ask for one page at once, pages in $kind, on $platform',
  ({ platform, kind }) => {
    let memcached: MemcachedServer;
    let site: Awaited<ReturnType<typeof startApplication>>;
    let pages: PageCacheService;

    beforeAll(async () => {
      memcached = await MemcachedServer.start();
      site = await startApplication({
        platform,
        controllers: [SlowController],
        providers: [PageLog],
        options: { store: kind === 'memory' ? memoryStore() : memcachedStore({ servers: memcached.address }) },
        logger: false,
        prepare,
      });
      pages = site.app.get(PageCacheService);
    });
    afterAll(async () => {
      await site?.app.close();
      await memcached?.stop();
    });
    beforeEach(async () => {
      await pages.purgeAll();
      renders.reset();
    });

    /** Those who come while the first render is under way. */
    async function crowd(
      target: string,
      count: number,
      headers: (index: number) => Record<string, string> = () => ({}),
    ) {
      const first = answer(site.url + target);
      await renders.until('begun', 1);
      const others = many(count, (index) => answer(site.url + target, { headers: headers(index) }));
      await renders.until('arrived', count + 1);
      await settled(site.url);
      return { first, others };
    }

    it('get one rendering, each in the coding that he takes', async () => {
      const { first, others } = await crowd('/page/1', 50, (index) => ({
        'accept-encoding': index % 2 ? 'gzip' : 'identity',
      }));
      expect(renders.begun).toBe(1);
      renders.let(true);
      const rendered = await first;
      expect(rendered.status).toContain('stored');
      for (const [index, one] of (await Promise.all(others)).entries()) {
        expect(one.code).toBe(200);
        expect(one.body.equals(rendered.body)).toBe(true);
        expect([COLLAPSED, 'nestjs-nginx-cache; hit']).toContain(one.status);
        expect(one.headers.get('content-type')).toBe(rendered.headers.get('content-type'));
        expect(one.headers.get('content-encoding')).toBe(index % 2 ? 'gzip' : null);
      }
      expect(renders.begun).toBe(1);
    });

    it('render for themselves, all at once, what turns out to be private', async () => {
      const { first, others } = await crowd('/private', 30);
      renders.let(true);
      await first;
      renders.let(false);
      // All of them are in the handler at the same time.
      await renders.until('begun', 31);
      // And whoever comes now waits for nobody.
      const late = answer(`${site.url}/private`);
      await renders.until('begun', 32);
      renders.let(true);
      const all = await Promise.all([first, ...others, late]);
      const cookies = all.map(({ headers, body }) => {
        expect(body.toString()).toBe(`visitor ${headers.get('set-cookie')!.replace('visitor=', '')}`);
        return headers.get('set-cookie');
      });
      expect(new Set(cookies).size).toBe(32);
    });

    it('get errors of their own', async () => {
      const { first, others } = await crowd('/failing', 5);
      renders.let(true);
      const bodies = (await Promise.all([first, ...others])).map(({ code, body }) => `${code} ${body.toString()}`);
      expect(new Set(bodies).size).toBe(6);
      for (const body of bodies) expect(body).toMatch(/^503 .*failure/);
    });

    it('are served although the first one leaves', async () => {
      const leaving = httpRequest(`${site.url}/page/2`).on('error', () => {});
      leaving.end();
      await renders.until('begun', 1);
      const others = many(10, () => answer(`${site.url}/page/2`));
      await renders.until('arrived', 11);
      await settled(site.url);
      leaving.destroy();
      // One of them takes over.
      await renders.until('begun', 2);
      renders.let(true);
      for (const { body } of await Promise.all(others)) expect(body.toString()).toMatch(/^2: rendering 2 /);
      expect(renders.begun).toBe(2);
    });

    it('get a new rendering when the page is purged meanwhile', async () => {
      const { first, others } = await crowd('/page/3', 10);
      await pages.purge('/page/3');
      const late = many(5, () => answer(`${site.url}/page/3`));
      await renders.until('arrived', 16);
      // One of those who have come since does not wait for what is outdated.
      await renders.until('begun', 2);
      renders.let(true);
      expect((await first).body.toString()).toMatch(/^3: rendering 1 /);
      const answers = await Promise.all([...others, ...late]);
      for (const { body } of answers) expect(body.toString()).not.toMatch(/^3: rendering 1 /);
      // memcached may be late on a busy machine, and then nobody shares anything.
      if (kind === 'memory') expect(renders.begun).toBe(2);
    });

    it('get 304 if they have that page', async () => {
      if (kind === 'memcached') return; // Pages without a header have no validators.
      renders.let(true);
      const tag = (await answer(`${site.url}/page/4`)).headers.get('etag')!;
      await pages.purgeAll();
      renders.reset();
      const first = answer(`${site.url}/page/4`);
      await renders.until('begun', 1);
      const other = answer(`${site.url}/page/4`, { headers: { 'if-none-match': tag } });
      await renders.until('arrived', 2);
      await settled(site.url);
      renders.let(true);
      await first;
      const { code, status } = await other;
      expect(code).toBe(304);
      expect([COLLAPSED, 'nestjs-nginx-cache; hit']).toContain(status);
    });

    it('get the part of it that they ask for', async () => {
      if (kind === 'memcached') return; // As above.
      const first = answer(`${site.url}/page/7`);
      await renders.until('begun', 1);
      // By itself, fetch() takes parts unpacked only.
      const other = answer(`${site.url}/page/7`, { headers: { range: 'bytes=0-', 'accept-encoding': 'gzip' } });
      await renders.until('arrived', 2);
      await settled(site.url);
      renders.let(true);
      const { body } = await first;
      const { code, status, headers, body: part } = await other;
      expect([code, part.toString()]).toEqual([206, body.toString()]);
      expect(headers.get('content-range')).toMatch(/^bytes 0-/);
      expect([COLLAPSED, 'nestjs-nginx-cache; hit']).toContain(status);
    });

    it('do not wait for other pages', async () => {
      const first = answer(`${site.url}/page/5`);
      await renders.until('begun', 1);
      const other = answer(`${site.url}/page/6`);
      await renders.until('begun', 2);
      renders.let(true);
      expect((await first).body.toString()).toMatch(/^5: /);
      expect((await other).body.toString()).toMatch(/^6: /);
    });
  },
);

describe.each(PLATFORMS)('behind nginx, on %s', (platform) => {
  let site: Site;

  beforeAll(async () => {
    site = await startSite({ platform, controllers: [SlowController], prepare });
  });
  afterAll(() => site?.stop());
  beforeEach(() => renders.reset());

  it('200 visitors cause one render', async () => {
    const visitors = many(200, () => site.get('/page/1'));
    await renders.until('arrived', 200);
    await settled(`http://${site.address}`);
    expect(renders.begun).toBe(1);
    renders.let(true);
    const answers = await Promise.all(visitors);
    // On a busy machine memcached may be late. Then the page is stored all the same.
    const isLead = /^nestjs-nginx-cache; fwd=miss; stored(?:; detail=store-late)?$/;
    const statuses = answers.map(({ status }) => String(status));
    expect(statuses.filter((status) => isLead.test(status))).toHaveLength(1);
    expect(statuses.filter((status) => status === COLLAPSED)).toHaveLength(199);
    expect(new Set(answers.map(({ body }) => body.toString())).size).toBe(1);
    expect(renders.begun).toBe(1);
  });

  it('a visitor who leaves does not take the page along', async () => {
    const ask = (headers: Record<string, string>) => {
      const asking = httpRequest(`${site.nginx.url}/page/2`, { headers }).on('error', () => {});
      asking.end();
      return asking;
    };
    const leaving = ask({});
    await renders.until('begun', 1);
    // nginx tells the application that this one has left, since it makes no page. By then it knows of the other one.
    const control = ask({ cookie: 'connect.sid=1' });
    await renders.until('begun', 2);
    leaving.destroy();
    control.destroy();
    await renders.until('left', 1);
    renders.let(true);
    expect(await site.log.outcome('/page/2')).toBe('stored');
    expect((await site.get('/page/2')).body.toString()).toMatch(/^2: rendering 1 /);
  });
});
