import type { ServerResponse } from 'node:http';
import { Controller, Get, Header, Res } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryStore } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { raw } from '../support/raw-response.js';
import { answer, type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const TYPES = {
  '/json': 'application/json; charset=utf-8',
  '/rss': 'application/rss+xml',
  '/text': 'text/plain; charset=utf-8',
  '/html-without-charset': 'text/html',
  '/html-latin1': 'text/html; charset=iso-8859-1',
  '/xhtml': 'application/xhtml+xml; charset=utf-8',
  '/almost': 'text/html; charset=utf-8; version=2',
  '/none': undefined,
  '/two': ['text/html; charset=utf-8', 'text/plain'],
};
const SAME = {
  '/html': 'text/html; charset=utf-8',
  '/html-upper-case': 'Text/HTML;charset="UTF-8"',
};

@Controller()
class TypesController {
  @Get('object')
  object() {
    return { a: 1 };
  }

  @Get('feed')
  @Header('content-type', 'application/rss+xml')
  feed() {
    return '<rss/>';
  }

  @Get(':name')
  typed(@Res() reply: ServerResponse) {
    const response = raw(reply);
    const type = { ...TYPES, ...SAME }[(response.req.url ?? '') as keyof typeof SAME];
    response.writeHead(200, type === undefined ? {} : { 'Content-Type': type }).end('<content>');
  }
}

describe.each(PLATFORMS)('with the memcached flavour on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({ platform, controllers: [TypesController] });
  });
  afterAll(() => site?.stop());

  it.each([...Object.keys(TYPES), '/object', '/feed'])('%s keeps its type, since it is not stored', async (target) => {
    const direct = await site.direct(target, { headers: { 'x-page-cache-key': 'bypass' } });
    for (let round = 0; round < 2; round += 1) {
      const response = await site.get(target);
      expect(response.status).toBe('nestjs-nginx-cache; fwd=miss; detail=content-type');
      // Of two types nginx makes one, which is none of our business.
      if (target !== '/two') expect(response.headers.get('content-type')).toBe(direct.headers.get('content-type'));
      expect(await site.log.outcome(target)).toBe('content-type');
    }
    expect(await site.memcached.keys()).not.toContain(`page:${target}`);
  });

  it.each(Object.keys(SAME))('%s is stored', async (target) => {
    await site.get(target);
    expect(await site.log.outcome(target)).toBe('stored');
    const hit = await site.get(target);
    expect(hit).toBePageCacheHit();
    expect(hit.headers.get('content-type')).toBe('text/html; charset=utf-8');
  });
});

describe.each(PLATFORMS)('with another content type for nginx on %s', (platform) => {
  it('only pages of that type are stored', async () => {
    await using site = await startSite({
      platform,
      controllers: [TypesController],
      options: { nginx: { contentType: 'application/rss+xml' } },
    });
    await site.get('/rss');
    expect(await site.log.outcome('/rss')).toBe('stored');
    const hit = await site.get('/rss');
    expect(hit).toBePageCacheHit();
    expect(hit.headers.get('content-type')).toBe('application/rss+xml');
    await site.get('/html');
    expect(await site.log.outcome('/html')).toBe('content-type');
  });
});

describe.each(PLATFORMS)('with a store that keeps header fields on %s', (platform) => {
  it('every type is stored, and comes back', async () => {
    const { app, url } = await startApplication({
      platform,
      controllers: [TypesController],
      providers: [PageLog],
      options: { store: memoryStore() },
    });
    for (const target of [...Object.keys(TYPES), ...Object.keys(SAME), '/object', '/feed']) {
      const first = await answer(url + target);
      expect(await app.get(PageLog).outcome(target)).toBe('stored');
      const second = await answer(url + target);
      expect(second).toBePageCacheHit();
      expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    }
    await app.close();
  });
});
