import { Controller, Get, Header } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { keyvStore, memcachedStore, PageCacheService, PurgeIncompleteError } from '../../lib/index.js';
import { PendingPurges } from '../../lib/purging/pending-purges.js';
import { MemcachedServer, pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';
import { answer, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class PagesController {
  static gate = new Gate();

  @Get('pages/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return '<p>';
  }

  @Get('slow')
  @Header('content-type', 'text/html; charset=utf-8')
  async slow() {
    await PagesController.gate.pass();
    return '<p>';
  }
}

/** What the log says of a store that is gone. */
const gone = (name: string, why = '') =>
  `warn ${name} does not answer${why}: until it does, pages are rendered for each visitor and not stored (detail=store-down). Reported once.`;

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(PLATFORMS)('a store that goes and comes back, met by pages alone, on %s', (platform) => {
  it('is reported gone once, and back once with the number of pages', async () => {
    const logger = new CollectedLogger();
    await using site = await startSite({ platform, controllers: [PagesController], logger }, {}, { isPatient: false });
    const name = `memcachedStore() ${site.memcached.address}`;
    for (const _ of [1, 2]) {
      logger.lines.length = 0;
      site.log.forget();
      await site.memcached.kill();
      for (let id = 0; id < 7; id += 1) expect((await site.get(`/pages/${id}`)).code).toBe(200);
      expect(logger.lines).toEqual([gone(name)]);
      await site.memcached.restart();
      let passed = 7;
      for (;;) {
        const { status } = await site.get('/pages/again');
        if (!status.includes('store-down')) break;
        passed += 1;
      }
      // Else the next outage would meet it.
      await site.log.outcome('/pages/again');
      expect(logger.lines.slice(1)).toEqual([
        `warn ${name} answers again. ${passed} pages were rendered without being stored.`,
      ]);
    }
  });
});

describe.each(PLATFORMS)('a store that is gone for long, on %s', (platform) => {
  it('is no reason to say anything again: each thing is said once, whoever meets it', async () => {
    const logger = new CollectedLogger();
    await using site = await startSite({ platform, controllers: [PagesController], logger }, {}, { isPatient: false });
    const pages = site.app.get(PageCacheService);
    const pending = site.app.get(PendingPurges);
    PagesController.gate = new Gate();
    const slow = site.direct('/slow');
    await PagesController.gate.reached;
    await site.memcached.kill();
    PagesController.gate.open();
    expect((await slow).code).toBe(200);
    expect(await site.log.outcome('/slow')).not.toBe('stored');

    let hours = 0;
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => now() + hours * 3_600_000);
    for (hours = 0; hours < 3; hours += 1) {
      for (let id = 0; id < 5; id += 1) {
        expect((await site.direct(`/pages/${id}`)).code).toBe(200);
        await expect(pages.purge(`/pages/${hours}/${id}`, '/pages/x')).rejects.toThrow(PurgeIncompleteError);
      }
    }
    const kinds = [
      /^warn set failed: memcached 127\.0\.0\.1:\d+: /,
      /^warn memcachedStore\(\) 127\.0\.0\.1:\d+ does not answer \(.*(?:ECONNREFUSED|has been ended).*\): .* Reported once\.$/,
      /^warn 127\S+ has not acknowledged a purge \(.*\): \/pages\/0\/0, \/pages\/x\. It is repeated until 127\S+ acknowledges it, .* Reported once\.$/,
    ];
    for (const kind of kinds) expect(logger.lines.filter((line) => kind.test(line)).length).toBeLessThanOrEqual(1);
    expect(logger.lines.filter((line) => !kinds.some((kind) => kind.test(line)))).toEqual([]);
    for (const kind of kinds.slice(1)) expect(logger.lines.filter((line) => kind.test(line))).toHaveLength(1);

    logger.lines.length = 0;
    await site.memcached.restart();
    await expect.poll(() => pending.size).toBe(0);
    site.log.forget();
    await expect.poll(async () => (await site.direct('/pages/1')).status).toMatch(/hit/);
    // On a busy machine it may seem to be gone once more.
    expect(logger.lines.filter((line) => /purge/.test(line))).toEqual([
      `warn ${site.memcached.address} has acknowledged all purges that were waiting (paths, tags and rules: 30).`,
    ]);
    expect(logger.lines.find((line) => /Store\(\)/.test(line))).toMatch(
      / answers again\. \d+ pages were rendered without being stored\.$/,
    );
  });
});

it('a memcached that cannot compare and set gets no page, and the log says why', async () => {
  const logger = new CollectedLogger();
  const server = await MemcachedServer.start({ args: ['-C'] });
  const { app, url } = await startApplication({
    platform: 'fastify',
    controllers: [PagesController],
    options: { hosts: 'any', store: memcachedStore({ servers: server.address }) },
    logger,
  });
  const said = () => logger.lines.find((line) => line.includes('does not answer'));
  await expect
    .poll(async () => {
      expect((await answer(`${url}/pages/1`)).status).not.toMatch(/stored|hit/);
      return said();
    })
    .toMatch(/was started with -C, so it cannot compare and set: start it without/);
  expect(await server.keys()).toEqual([]);
  await app.close();
  await server.stop();
});

it('of a store that nobody asks before it is given a page, the pages tell', async () => {
  const logger = new CollectedLogger();
  let isDown = false;
  class Adapter extends Map<string, unknown> {
    override get(key: string) {
      if (isDown) throw new Error('no connection');
      return super.get(key);
    }
    override set(key: string, value: unknown) {
      if (isDown) throw new Error('no connection');
      return super.set(key, value);
    }
  }
  const { app, url } = await startApplication({
    platform: 'fastify',
    controllers: [PagesController],
    providers: [PageLog],
    options: { store: keyvStore(new Adapter()) },
    logger,
  });
  const log = app.get(PageLog);
  const visit = async (target: string) => {
    log.forget();
    expect((await answer(url + target)).code).toBe(200);
    return log.outcome(target);
  };
  expect(await visit('/pages/before')).toBe('stored');
  isDown = true;
  for (let id = 0; id < 9; id += 1) expect(await visit(`/pages/${id}`)).toBe('store-failed');
  expect(logger.lines).toEqual(['warn set failed: no connection', gone('keyvStore()', ' (no connection)')]);
  isDown = false;
  expect(await visit('/pages/after')).toBe('stored');
  expect(logger.lines.slice(2)).toEqual([
    'warn keyvStore() answers again. 9 pages were rendered without being stored.',
  ]);
  await app.close();
});
