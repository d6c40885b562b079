import { Controller, Get, Header, Injectable } from '@nestjs/common';
import { expect, it } from 'vitest';
import { OnPageCache, PageCache, PageRendered, PageStored } from '../../lib/index.js';
import { PLATFORMS } from '../support/applications.js';
import { startSite } from '../support/site.js';

@Injectable()
class ChangingListener {
  stored: PageStored[] = [];
  rendered: PageRendered[] = [];

  @OnPageCache(PageRendered)
  onRendered(event: PageRendered) {
    this.rendered.push(event);
    if (event.draft.address.path !== '/changed') return;
    event.ttl *= 60;
    event.tag('late', 'later');
  }

  @OnPageCache(PageStored)
  onStored(event: PageStored) {
    this.stored.push(event);
  }
}

@Controller()
class ChangedController {
  @Get('changed')
  @PageCache({ ttl: 60_000, tags: ['early'] })
  @Header('content-type', 'text/html; charset=utf-8')
  changed() {
    return 'ä'.repeat(2000);
  }

  @Get('until-purged')
  @PageCache({ ttl: 0 })
  @Header('content-type', 'text/html; charset=utf-8')
  untilPurged() {
    return 'x';
  }
}

it.each(PLATFORMS)('a listener changes ttl and tags of a rendered page on %s', async (platform) => {
  await using site = await startSite({ platform, controllers: [ChangedController], providers: [ChangingListener] });
  const listener = site.app.get(ChangingListener);
  await site.get('/changed');
  await site.log.outcome('/changed');
  const [stored] = listener.stored;
  expect(stored?.ttl).toBe(3_600_000);
  expect(stored?.tags).toEqual(['early', 'late', 'later']);
  expect(listener.rendered[0]?.page.body.toString()).toBe('ä'.repeat(2000));
  // The time to live in seconds, up to 10 % less.
  const [, ttl] = /^HD t(\d+)/.exec(await site.memcached.send('mg page:/changed t')) ?? [];
  expect(Number(ttl)).toBeGreaterThan(3200);
  expect(Number(ttl)).toBeLessThanOrEqual(3600);

  await site.get('/until-purged');
  await site.log.outcome('/until-purged');
  expect(await site.memcached.send('mg page:/until-purged t')).toMatch(/^HD t-1\b/);
});
