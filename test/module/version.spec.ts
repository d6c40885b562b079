import { Controller, Get, Header, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { memcachedStore, NginxCacheModule, type NginxCacheOptions, OnPageCache, PagesPurged } from '../../lib/index.js';
import { MemcachedServer, pageCacheMatchers } from '../../lib/testing/index.js';
import { type Platform, PLATFORMS, startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { PageLog } from '../support/page-log.js';
import { patiently, patientStore } from '../support/patience.js';
import { answer } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return 'page';
  }
}

@Injectable()
class Purges {
  readonly all: string[] = [];

  @OnPageCache(PagesPurged)
  onPurged({ targets, purged }: PagesPurged) {
    this.all.push(`${targets.join()} ${purged}`);
  }
}

/** @param isPatient not in a test of a store that is not there */
async function start(platform: Platform, options: NginxCacheOptions, isPatient = true) {
  const logger = new CollectedLogger();
  const { app, url } = await startApplication({
    platform,
    options,
    controllers: [PageController],
    providers: [PageLog, Purges],
    logger,
    isPatient,
  });
  const log = app.get(PageLog);
  return {
    logger,
    purges: app.get(Purges).all,
    /** @returns what became of the page, or of whoever asked for it */
    visit: async () => {
      const ask = () => {
        log.forget();
        return answer(`${url}/page`);
      };
      const { status } = await patiently(ask, (one) => one.status);
      return status.includes('fwd=miss') ? log.outcome('/page') : status;
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}

describe.each(PLATFORMS)('version, on %s', (platform) => {
  it('of a new process makes the pages of the old one go, and the old one store nothing', async () => {
    await using memcached = await MemcachedServer.start();
    const options = (version: string | undefined) => ({
      store: patientStore(memcached.address),
      version,
    });
    await using one = await start(platform, options('1'));
    expect(await one.visit()).toBe('stored');

    await using two = await start(platform, options('2'));
    expect(await memcached.keys()).toEqual([]);
    // A CDN hears of it.
    expect(two.purges).toEqual(['/* 1']);
    expect(await one.visit()).toBe('other-version');
    expect(await two.visit()).toBe('stored');
    await using same = await start(platform, options('2'));
    expect(same.purges).toEqual([]);
    expect(await same.visit()).toMatch(/hit/);

    // Having none is a version like any other.
    await using none = await start(platform, options(undefined));
    expect(none.purges).toEqual(['/* 1']);
    expect(await two.visit()).toBe('other-version');
    for (const { logger } of [one, two, same, none]) expect(logger.lines).toEqual([]);
  });

  it('of a worker says nothing about pages', async () => {
    await using memcached = await MemcachedServer.start();
    const store = patientStore(memcached.address);
    await using web = await start(platform, { store, version: '1' });
    await web.visit();

    @Module({ imports: [NginxCacheModule.forRoot({ store, version: '2' })] })
    class WorkerModule {}
    const worker = await NestFactory.createApplicationContext(WorkerModule, { logger: false });
    expect(await web.visit()).toMatch(/hit/);
    await memcached.flush();
    await web.visit();
    expect(await web.visit()).toMatch(/stored|hit/);
    await worker.close();
  });

  it('counts as soon as the store is there', async () => {
    await using memcached = await MemcachedServer.start();
    await memcached.kill();
    const options = { store: memcachedStore({ servers: memcached.address }), version: '1' };
    await using early = await start(platform, options, false);
    expect(await early.visit()).toMatch(/store-down/);
    await memcached.restart();
    await expect.poll(() => early.visit()).toMatch(/stored|hit/);
  });
});
