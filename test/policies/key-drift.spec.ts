import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Header } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LISTENERS, memoryStore, PathExclusionListener } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { PageLog } from '../support/page-log.js';
import { startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return 'page';
  }
}

describe.each(PLATFORMS)('what nginx has decided, on %s', (platform) => {
  it('stands where the application would have decided otherwise', async () => {
    const logger = new CollectedLogger();
    await using site = await startSite({
      platform,
      controllers: [PageController],
      options: { listeners: DEFAULT_LISTENERS.filter((one) => one !== PathExclusionListener), exclude: ['/page'] },
      logger,
    });
    expect(await site.get('/page')).toBypassPageCache('nginx');
    expect(await site.memcached.keys()).toEqual([]);
    expect(logger.lines).toEqual([]);
  });

  it('is reported once where both have different options, and nothing is cached', async () => {
    const logger = new CollectedLogger();
    await using site = await startSite({ platform, controllers: [PageController], logger }, { prefix: 'other:' });
    for (let round = 0; round < 3; round += 1) expect(await site.get('/page')).toBypassPageCache('key-drift');
    expect(await site.memcached.keys()).toEqual([]);
    expect(logger.lines).toEqual([
      expect.stringMatching(
        /^error nginx looked for "other:\/page" where the application stores "page:\/page"\. .* npx nginx-cache conf, /,
      ),
    ]);
  });

  it('is another address after a rewrite, which the report names where the options are the same', async () => {
    const logger = new CollectedLogger();
    await using site = await startSite({ platform, controllers: [PageController], logger });
    const conf = readFileSync(join(site.nginx.directory, 'nginx.conf'), 'utf8');
    const full = conf.replace('server_name _;', 'server_name _; rewrite ^/old$ /page last;');
    await site.nginx.reload(() => ({ full }));
    expect(await site.get('/old')).toBypassPageCache('key-drift');
    expect(logger.lines).toEqual([expect.stringMatching(/^error nginx looked for "page:\/old" .* a rewrite in nginx/)]);
  });

  it('is what nobody but nginx can say: where it reads no pages, a visitor cannot switch the cache off', async () => {
    const { app, url } = await startApplication({
      platform,
      controllers: [PageController],
      providers: [PageLog],
      options: { store: memoryStore() },
    });
    await using _ = { [Symbol.asyncDispose]: () => app.close() };
    const ask = (key: string) => fetch(`${url}/page`, { headers: { 'X-Page-Cache-Key': key } });
    expect(await ask('bypass x')).toBePageCacheMiss();
    await app.get(PageLog).outcome('/page');
    for (const key of ['bypass', 'page:/page', 'page:/other', '']) expect(await ask(key)).toBePageCacheHit();
  });
});
