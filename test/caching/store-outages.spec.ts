import { Controller, Get, Header } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class PagesController {
  @Get('pages/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return '<p>';
  }
}

describe.each(PLATFORMS)('a store that goes and comes back, met by pages alone, on %s', (platform) => {
  it('is reported gone once, and back once with the number of pages', async () => {
    const logger = new CollectedLogger();
    await using site = await startSite({ platform, controllers: [PagesController], logger }, {}, { isPatient: false });
    const address = site.memcached.address;
    for (const _ of [1, 2]) {
      logger.lines.length = 0;
      site.log.forget();
      await site.memcached.kill();
      for (let id = 0; id < 7; id += 1) expect((await site.get(`/pages/${id}`)).code).toBe(200);
      expect(logger.lines).toEqual([
        `warn memcachedStore() ${address} does not answer: pages are rendered for each visitor and not stored (detail=store-down), until it does. Reported once.`,
      ]);
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
        `warn memcachedStore() ${address} answers again. Pages that have passed it by: ${passed}.`,
      ]);
    }
  });
});
