import { Controller, Get, Header, Query } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { PageCacheService } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class ListController {
  @Get('list')
  @Header('content-type', 'text/html; charset=utf-8')
  list(@Query('page') page = '1') {
    return `<p>${page}</p>`;
  }
}

describe.each(PLATFORMS)('query.allow with patterns of values on %s', (platform) => {
  it('nobody fills the cache with pages that do not exist', async () => {
    await using site = await startSite({
      platform,
      controllers: [ListController],
      options: { query: { allow: { page: /^[1-9]\d{0,2}$/ } } },
    });
    for (const page of ['0', '01', '1000', '999999', '1x', '', '-1', '1%20', '%31']) {
      for (const answer of [await site.get(`/list?page=${page}`), await site.direct(`/list?page=${page}`)]) {
        expect(answer.body.toString(), page).toBe(`<p>${decodeURIComponent(page)}</p>`);
        expect(answer, page).toBypassPageCache();
      }
    }
    expect(await site.memcached.keys()).toEqual([]);
    for (const target of ['/list', '/list?page=1', '/list?page=999']) {
      await site.get(target);
      expect(await site.log.outcome(target)).toBe('stored');
      expect(await site.get(target)).toBePageCacheHit();
    }
    const pages = site.app.get(PageCacheService);
    expect((await pages.purge('/list')).purged).toBe(3);
  });
});
