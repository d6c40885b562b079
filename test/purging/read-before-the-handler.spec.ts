import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header, Headers } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { memoryStore, type NginxCacheOptions, PageCacheService } from '../../lib/index.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';
import { patiently, patientStore } from '../support/patience.js';
import { answer } from '../support/site.js';

const database = { version: 1 };
let gate: Gate;

/** Loads what the handler shows, as middleware does. */
async function load(request: IncomingMessage, _response: unknown, next: () => void): Promise<void> {
  request.headers['x-version'] = String(database.version);
  await gate.pass();
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
      options: { store: store!, requestFields: { ignore: ['X-Version'] } },
      prepare: (app) => void app.use(load),
      isPatient: true,
    });

  it.each(['this process', 'another process', 'memory'])('is not kept when %s purges meanwhile', async (who) => {
    await using memcached = await MemcachedServer.start();
    const store = () => (who === 'memory' ? memoryStore() : patientStore(memcached.address));
    const one = await start(store());
    const other = await start(store());
    const purger = (who === 'another process' ? other : one).app.get(PageCacheService);
    const log = one.app.get(PageLog);
    /** A visit of which the middleware has read before, and the handler shows after something else. */
    const visit = async (meanwhile = async () => {}) => {
      let read = 0;
      const visiting = async () => {
        await purger.purge('/page');
        // A purge from before the request is none of its business.
        await delay(5);
        log.forget();
        const { reached } = (gate = new Gate());
        read = database.version;
        const response = answer(`${one.url}/page`);
        await reached;
        await meanwhile();
        gate.open();
        return response;
      };
      const { body } = await patiently(visiting, ({ status }) => status);
      expect(body.toString()).toBe(`version ${read}`);
      return log.outcome('/page');
    };
    expect(await visit()).toBe('stored');
    const change = async () => {
      database.version += 1;
      await purger.purge('/page');
    };
    expect(await visit(change)).toBe('purged');
    expect(await visit()).toBe('stored');
    // And one of something else neither.
    expect(await visit(async () => void (await purger.purge('/other')))).toBe('stored');
    await Promise.all([one.app.close(), other.app.close()]);
  });
});
