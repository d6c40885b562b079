import { Controller, Get, Header } from '@nestjs/common';
import { Keyv } from 'keyv';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keyvStore, PageCacheService, type PageStoreDefinition } from '../../lib/index.js';
import { Renderings } from '../../lib/caching/renderings.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';
import { answer, type Site, startSite } from '../support/site.js';

@Controller()
class SlowController {
  static gate = new Gate();
  static version = 'old';

  @Get('posts/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  async post() {
    const read = SlowController.version;
    await SlowController.gate.pass();
    return read;
  }
}

const PURGES: [string, (pages: PageCacheService) => Promise<unknown>, concerned: boolean][] = [
  ['purge()', (pages) => pages.purge('/posts/1'), true],
  ['purge() of an entity', (pages) => pages.purge({ dependentPaths: () => ['/posts/1'] }), true],
  ['purgeUnder()', (pages) => pages.purgeUnder('/posts'), true],
  ['purgeMatching()', (pages) => pages.purgeMatching(/1$/), true],
  ['purgeAll()', (pages) => pages.purgeAll(), true],
  ['purge() of another page', (pages) => pages.purge('/posts/2'), false],
  ['purgeUnder() of others', (pages) => pages.purgeUnder('/post'), false],
];

describe.each(PLATFORMS)('on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({ platform, controllers: [SlowController] });
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
    SlowController.gate = new Gate();
    SlowController.version = 'old';
  });

  it.each(PURGES)('%s while the page is being rendered', async (_, purge, concerned) => {
    const visit = site.get('/posts/1');
    await SlowController.gate.reached;
    SlowController.version = 'new';
    await purge(site.app.get(PageCacheService));
    SlowController.gate.open();
    expect((await visit).body.toString()).toBe('old');
    expect(await site.log.outcome('/posts/1')).toBe(concerned ? 'purged' : 'stored');
    expect(await site.memcached.keys()).toEqual(concerned ? [] : ['page:/posts/1']);
    expect(site.app.get(Renderings).size).toBe(0);
    if (concerned) expect((await site.get('/posts/1')).body.toString()).toBe('new');
  });
});

/** Pages in a Map; `set` stops before or after it has stored. */
function gatedStore(before: Gate, after: Gate): PageStoreDefinition {
  const keyv = new Keyv(new Map<string, unknown>());
  const set = keyv.set.bind(keyv);
  keyv.set = (async (...args: Parameters<typeof set>) => {
    await before.pass();
    const result = await set(...args);
    await after.pass();
    return result;
  }) as typeof keyv.set;
  return keyvStore(keyv);
}

describe.each(['before the store has it', 'between the store and its acknowledgement'])('a purge %s', (when) => {
  it.each(PURGES)('by %s', async (_, purge, concerned) => {
    const [before, after] = [new Gate(), new Gate()];
    SlowController.gate = new Gate();
    SlowController.gate.open();
    const { app, url } = await startApplication({
      platform: 'express',
      controllers: [SlowController],
      providers: [PageLog],
      options: { store: gatedStore(before, after) },
    });
    const pages = app.get(PageCacheService);
    await answer(`${url}/posts/1`);
    if (when.startsWith('between')) {
      before.open();
      await after.reached;
      await purge(pages);
    } else {
      await before.reached;
      await purge(pages);
      before.open();
    }
    after.open();
    expect(await app.get(PageLog).outcome('/posts/1')).toBe(concerned ? 'purged' : 'stored');
    expect(await pages.has('/posts/1')).toBe(!concerned);
    expect(app.get(Renderings).size).toBe(0);
    await app.close();
  });
});
