import { Agent, request } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Header, Param } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PageCacheService, PurgeIncompleteError } from '../../lib/index.js';
import { Renderings } from '../../lib/caching/renderings.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { extraTime } from '../support/extra-time.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

/** How long a handler takes, and for how long requests flow in each state, in milliseconds. */
const HANDLER = 5;
const PERIOD = 800;
/** 50 ms are what the cache may cost a visitor, and 30 what a measurement may be wrong by. */
const ALLOWED = 50 + 30;
/** Requests a second. */
const RATE = 200;

@Controller()
class SlowController {
  @Get('pages/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  async page(@Param('id') id: string) {
    await sleep(HANDLER);
    return `<h1>page ${id}</h1>`.repeat(200);
  }
}

interface Visit {
  readonly id: number;
  readonly right: boolean;
}

describe.each(PLATFORMS)('when memcached is away, on %s', (platform) => {
  let site: Site;
  // A connection for each visit: on a busy machine one that is kept may be closed just when it is used again.
  const agent = new Agent({ keepAlive: false });

  beforeAll(async () => {
    site = await startSite({ platform, controllers: [SlowController], logger: false }, {}, { isPatient: false });
  });
  afterAll(async () => {
    agent.destroy();
    await site?.stop();
  });

  // Whatever has failed before.
  afterEach(() => site.memcached.restart());

  const visit = async (port: number, id: number, headers = {}): Promise<Visit> => {
    const client = request({ port, agent, path: `/pages/${id}`, headers }).end();
    const [response] = (await once(client, 'response')) as [import('node:http').IncomingMessage];
    let body = '';
    for await (const part of response.setEncoding('utf8')) body += part as string;
    const right = response.statusCode === 200 && body === `<h1>page ${id}</h1>`.repeat(200);
    return { id, right };
  };

  /** Visits at an even rate, of pages seen before and of new ones. */
  let next = 0;
  const flow = async (port: number): Promise<Visit[]> => {
    const visits: Promise<Visit>[] = [];
    const start = performance.now();
    for (let sent = 0; performance.now() - start < PERIOD;) {
      for (; sent < ((performance.now() - start) * RATE) / 1000; sent += 1) {
        visits.push(visit(port, sent % 2 === 0 ? sent % 20 : (next += 1) + 100));
      }
      await sleep(5);
    }
    return Promise.all(visits);
  };
  /** How much longer a visit takes than one that has nothing to do with the cache, at the same time. In milliseconds. */
  const extra = async (port: number, before?: () => Promise<void>): Promise<number> => {
    const visitNew = () => visit(port, (next += 1) + 100);
    const bypass = () => visit(port, (next += 1) + 100, { cookie: 'session=1' });
    return (await extraTime(ALLOWED, visitNew, bypass, before ? { before, rounds: 10 } : {})).extra;
  };

  /** Until a page that is asked for again and again comes from the cache. */
  const hitsReturn = async () => {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(20)) {
      const { status } = await site.get('/pages/1');
      if (/\bhit\b/.test(status)) return true;
    }
    return false;
  };

  const WAYS: [string, () => number][] = [
    ['through nginx', () => site.nginx.port],
    ['without nginx', () => Number(site.address.split(':')[1])],
  ];

  it.each(WAYS)('the first visitor waits in vain, but not for long, %s', async (_, port) => {
    const pauseAgain = async () => {
      await site.memcached.restart();
      expect(await hitsReturn()).toBe(true);
      site.memcached.pause();
    };
    expect(await extra(port(), pauseAgain)).toBeLessThan(ALLOWED);
  });

  it.each(WAYS)(
    'nobody notices, %s',
    async (_, port) => {
      const healthy = await flow(port());
      expect(healthy.every(({ right }) => right)).toBe(true);
      const check = async (flowing: Promise<Visit[]>) => {
        const visits = await flowing;
        expect(visits.length).toBeGreaterThan(20);
        expect(visits.filter(({ right }) => !right)).toEqual([]);
        expect(await extra(port())).toBeLessThan(ALLOWED);
      };

      site.memcached.pause();
      await check(flow(port()));
      site.memcached.resume();
      expect(await hitsReturn()).toBe(true);

      await site.memcached.kill();
      await check(flow(port()));
      await site.memcached.restart();
      expect(await hitsReturn()).toBe(true);

      const flowing = flow(port());
      await sleep(PERIOD / 3);
      await site.memcached.restart();
      await check(flowing);
      expect(await hitsReturn()).toBe(true);

      while (site.app.get(Renderings).size > 0) await sleep(10);
    },
    120_000,
  );

  it('a purge says what is not purged', async () => {
    const pages = site.app.get(PageCacheService);
    await site.memcached.kill();
    const purging = pages.purge('/pages/1', { dependentPaths: () => ['/pages/2'] });
    await expect(purging).rejects.toThrow(PurgeIncompleteError);
    await expect(purging).rejects.toMatchObject({ pending: ['/pages/1', '/pages/2'] });
    await expect(purging).rejects.toThrow(
      /^Not purged yet: \/pages\/1, \/pages\/2 \(memcached 127\.0\.0\.1:\d+: .*repeated until/,
    );
    await expect(pages.purgeUnder('/pages')).rejects.toMatchObject({ pending: ['/pages/*'] });
    await expect(pages.purgeMatching(/1$/)).rejects.toMatchObject({ pending: ['/1$/'] });
    await expect(pages.purgeAll()).rejects.toMatchObject({ pending: ['/*'] });
    expect(await pages.get('/pages/1')).toBeUndefined();

    await site.memcached.restart();
    let report;
    while (!(report = await pages.purge('/pages/1').catch(() => undefined))) await sleep(20);
    expect(report).toMatchObject({ purged: 0 });
  });

  it('a purge of a paused server rejects, too', async () => {
    const pages = site.app.get(PageCacheService);
    site.memcached.pause();
    await expect(pages.purge('/pages/1')).rejects.toMatchObject({
      name: 'PurgeIncompleteError',
      pending: ['/pages/1'],
    });
    site.memcached.resume();
    expect(await hitsReturn()).toBe(true);
  });
});
