import { readdirSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { Controller, Get, Header, type INestApplication } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fileStore, memcachedStore, PageCacheService } from '../../lib/index.js';
import { MemcachedClient } from '../../lib/stores/memcached/memcached-client.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { temporaryRoot } from '../support/files-site.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';

let gate: Gate;

@Controller()
class SlowController {
  @Get('page/:id')
  @Header('Content-Type', 'text/html; charset=utf-8')
  async page(): Promise<string> {
    await gate.pass();
    return 'page';
  }

  @Get('other')
  other(): string {
    return '';
  }
}

/** On a connection that goes with the answer: while others are open, Fastify waits for them. */
function visit(url: string): Promise<{ code: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ code: response.statusCode, body })).on('error', reject);
    }).on('error', reject);
  });
}

const KINDS = ['memcached', 'a changing list of memcacheds', 'files'] as const;

describe.each(PLATFORMS.flatMap((platform) => KINDS.map((kind) => ({ platform, kind }))))(
  'an application that is closed, pages in $kind, on $platform',
  ({ platform, kind }) => {
    let memcached: MemcachedServer;
    let root: string;
    let app: INestApplication;
    let url: string;
    let logger: CollectedLogger;

    beforeAll(async () => {
      memcached = await MemcachedServer.start();
    });
    afterAll(() => memcached?.stop());
    beforeEach(async () => {
      gate = new Gate();
      root = temporaryRoot();
      logger = new CollectedLogger();
      const { address } = memcached;
      const store = {
        memcached: () => memcachedStore({ servers: address }),
        'a changing list of memcacheds': () => memcachedStore({ servers: () => [address] }),
        files: () => fileStore({ root }),
      };
      const options = { hosts: 'any' as const, store: store[kind]() };
      const setup = { platform, controllers: [SlowController], providers: [PageLog], options, logger };
      ({ app, url } = await startApplication(setup));
    });
    afterEach(async () => {
      gate.open();
      await app.close();
      rmSync(root, { recursive: true });
    });

    async function leases(): Promise<number> {
      if (kind === 'files') return readdirSync(join(root, 'page:#', 'leases')).length;
      const client = new MemcachedClient(memcached.address);
      try {
        let count = 0;
        for await (const _ of client.keys('*page:lease:')) count += 1;
        return count;
      } finally {
        await client.close();
      }
    }

    it('gives its leases back at once, although a page is still being rendered', async () => {
      const visitor = visit(`${url}/page/1`);
      await gate.reached;
      await expect.poll(leases).toBe(1);
      const closing = app.close();
      await expect.poll(leases).toBe(0);
      gate.open();
      expect((await visitor).body).toBe('page');
      expect(await app.get(PageLog).outcome('/page/1')).toBe('shutdown');
      await closing;
      expect(await leases()).toBe(0);
    });

    it('answers everybody who waits for a page, and complains of nothing', async () => {
      const first = visit(`${url}/page/2`);
      await gate.reached;
      const others = Array.from({ length: 5 }, () => visit(`${url}/page/2`));
      // Whoever comes to another page has come later.
      await visit(`${url}/other`);
      const closing = app.close();
      gate.open();
      for (const { code, body } of await Promise.all([first, ...others])) {
        expect([code, body]).toEqual([200, 'page']);
      }
      await closing;
      expect(logger.lines.filter((line) => /failed|Error/.test(line))).toEqual([]);
    });

    it('waits for nothing that is being published', async () => {
      const publishing = app.get(PageCacheService).publish('/page/3', '/page/4');
      await gate.reached;
      await app.close();
      expect((await publishing).published).toEqual([]);
    });
  },
);
