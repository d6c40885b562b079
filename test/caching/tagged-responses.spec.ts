import { Controller, Get } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PageCache, PageCacheService } from '../../lib/index.js';
import { MemcachedServer, pageCacheMatchers } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { patiently, patientStore } from '../support/patience.js';
import { answer } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class TaggedController {
  calls = 0;

  @Get('tagged')
  @PageCache({ tags: ['posts', 'post:1'] })
  tagged() {
    return `rendering ${(this.calls += 1)}`;
  }
}

describe.each(['memcached', 'srcache', 'njs'] as const)('a page with tags, stored for %s', (flavour) => {
  let memcached: MemcachedServer;
  let site: Awaited<ReturnType<typeof startApplication>>;
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    site = await startApplication({
      platform: 'express',
      controllers: [TaggedController],
      providers: [PageLog],
      options: { store: patientStore(memcached.address), nginx: { flavour } },
      isPatient: true,
    });
  });
  afterAll(async () => {
    await site?.app.close();
    await memcached?.stop();
  });

  it('is found and served by the application, until its tag is purged', async () => {
    const { app, url } = site;
    const pages = app.get(PageCacheService);
    const ask = () =>
      patiently(
        () => answer(`${url}/tagged`),
        ({ status }) => status,
      );
    const first = await ask();
    expect(first).toBePageCacheMiss();
    expect(await app.get(PageLog).outcome('/tagged')).toBe('stored');
    expect(await pages.has('/tagged')).toBe(true);
    const second = await ask();
    expect(second).toBePageCacheHit();
    expect(second.body.equals(first.body)).toBe(true);
    expect((await pages.purgeTags('post:1')).purged).toBe(1);
    expect(await pages.has('/tagged')).toBe(false);
    expect((await ask()).body.equals(first.body)).toBe(false);
  });
});
