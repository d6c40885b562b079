import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header, Headers } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { memcachedStore, memoryStore, type NginxCacheOptions, PageCacheService } from '../../lib/index.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';

const database = { version: 1 };
let reading = 0;

/** Loads what the handler shows, as middleware does. */
async function load(request: IncomingMessage, _response: unknown, next: () => void): Promise<void> {
  request.headers['x-version'] = String(database.version);
  reading += 1;
  await delay(150);
  next();
}

@Controller()
class LoadedController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page(@Headers('x-version') version: string) {
    return `version ${version}`;
  }
}

describe.each(PLATFORMS)('what middleware has read on %s', (platform) => {
  const start = (store: NginxCacheOptions['store']) =>
    startApplication({
      platform,
      controllers: [LoadedController],
      providers: [PageLog],
      options: { store: store! },
      prepare: (app) => void app.use(load),
    });

  it.each(['this process', 'another process', 'memory'])('is not kept when %s purges meanwhile', async (who) => {
    await using memcached = await MemcachedServer.start();
    const store = () => (who === 'memory' ? memoryStore() : memcachedStore({ servers: memcached.address }));
    const one = await start(store());
    const other = await start(store());
    const purger = (who === 'another process' ? other : one).app.get(PageCacheService);
    const log = one.app.get(PageLog);
    const visit = async (meanwhile = async () => {}) => {
      log.forget();
      const before = reading;
      const response = fetch(`${one.url}/page`).then((answer) => answer.text());
      await expect.poll(() => reading, { interval: 2 }).toBe(before + 1);
      await meanwhile();
      return [await response, await log.outcome('/page')];
    };
    await purger.purge('/page');
    expect(await visit()).toEqual([`version ${database.version}`, 'stored']);
    await purger.purge('/page');
    const old = database.version;
    const change = async () => {
      database.version += 1;
      await purger.purge('/page');
    };
    expect(await visit(change)).toEqual([`version ${old}`, 'purged']);
    // A purge from before the request is none of its business.
    await purger.purge('/page');
    await delay(5);
    expect(await visit()).toEqual([`version ${old + 1}`, 'stored']);
    // And one of something else neither.
    await purger.purge('/page');
    await delay(5);
    expect((await visit(async () => void (await purger.purge('/other'))))[1]).toBe('stored');
    await Promise.all([one.app.close(), other.app.close()]);
  });
});
