import { setTimeout as delay } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Controller,
  Get,
  Header,
  type INestApplication,
  type INestApplicationContext,
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
  Param,
  Post,
  Res,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import compression from 'compression';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  memcachedStore,
  NginxCacheModule,
  PageCacheService,
  type PageStoreDefinition,
  PurgePages,
} from '../../lib/index.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { adapterFor, PLATFORMS, startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { Gate } from '../support/gate.js';
import { answer } from '../support/site.js';
import { steppedServer } from '../stores/memcached/stepped-client.js';

let handler: Gate;
let purge: Gate;
let hooks: Record<'before' | 'after', () => unknown>;

@Controller()
class WritesController {
  constructor(@Inject(PageCacheService) private readonly pages: PageCacheService) {}

  @Post('called')
  async called() {
    await handler.pass();
    return this.pages.purge('/page/called');
  }

  @Post('decorated')
  @PurgePages('/page/decorated')
  async decorated() {
    await handler.pass();
  }

  @Post('refreshed')
  @PurgePages({ refresh: true }, '/page/refreshed')
  async refreshed() {
    await handler.pass();
  }

  @Post('found')
  @PurgePages(async () => {
    await purge.pass();
    return '/page/found';
  })
  found(@Res() response: { send(body: string): void }) {
    response.send('');
  }

  @Post('automatic')
  async automatic() {
    await handler.pass();
  }

  @Post('sent')
  @PurgePages('/sent')
  sent(@Res() response: { send(body: string): void }) {
    response.send('');
  }

  @Get('page/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  page(@Param('id') id: string) {
    return id;
  }
}

@Injectable()
class Hooks implements BeforeApplicationShutdown, OnApplicationShutdown {
  async beforeApplicationShutdown(): Promise<void> {
    await hooks.before();
  }

  onApplicationShutdown(): void {
    hooks.after();
  }
}

@Injectable()
class Fails implements OnModuleInit {
  onModuleInit(): void {
    throw new Error('no database');
  }
}

let memcached: MemcachedServer;
beforeAll(async () => {
  memcached = await MemcachedServer.start();
});
afterAll(() => memcached?.stop());
beforeEach(() => {
  handler = new Gate();
  purge = new Gate();
  hooks = { before() {}, after() {} };
});

async function store(path: string): Promise<void> {
  await memcached.send(`set page:${path} 0 0 1\r\nx`);
  expect(await memcached.keys()).toContain(`page:${path}`);
}

interface Given {
  readonly pages?: PageStoreDefinition;
  readonly prepare?: (app: INestApplication) => void;
}

describe.each(PLATFORMS)('a write that is under way while the application closes, on %s', (platform) => {
  const start = async ({ pages = memcachedStore({ servers: memcached.address }), prepare = () => {} }: Given = {}) => {
    const logger = new CollectedLogger();
    const setup = { platform, controllers: [WritesController], providers: [Hooks], options: { store: pages } };
    return { logger, ...(await startApplication({ ...setup, logger, prepare })) };
  };

  it.each([
    ['/called', '/page/called'],
    ['/decorated', '/page/decorated'],
    ['/refreshed', '/page/refreshed'],
    ['/automatic', '/automatic'],
  ])('is followed by its purge: %s', async (target, path) => {
    const { app, url, logger } = await start();
    await store(path);
    const visitor = answer(url + target, { method: 'POST', headers: { connection: 'close' } });
    await handler.reached;
    // Every `onModuleDestroy()` has run, that of cache-manager included. The server closes next, and waits for the visitor.
    hooks.before = () => handler.open();
    await app.close();
    expect((await visitor).code).toBe(201);
    expect(await memcached.keys()).not.toContain(`page:${path}`);
    expect(logger.lines).toEqual([]);
  });

  it('is followed by its purge, though the server is closed by the time it is known what to purge', async () => {
    const { app, url, logger } = await start();
    await store('/page/found');
    await answer(`${url}/found`, { method: 'POST', headers: { connection: 'close' } });
    await purge.reached;
    // By then the server is closed, and the store would be.
    hooks.before = () => void delay(200).then(() => purge.open());
    await app.close();
    expect(await memcached.keys()).not.toContain('page:/page/found');
    expect(logger.lines).toEqual([]);
  });

  it('may even begin then, behind middleware that wraps responses', async () => {
    const { app, url, logger } = await start({ prepare: (app) => void app.use(compression()) });
    await store('/automatic');
    handler.open();
    hooks.before = () => answer(`${url}/automatic`, { method: 'POST', headers: { connection: 'close' } });
    await app.close();
    expect(await memcached.keys()).not.toContain('page:/automatic');
    expect(logger.lines).toEqual([]);
  });

  it('has been answered, and its purge is waited for', async () => {
    const held = steppedServer(memcached.address, async (step) => {
      if (step === 'deleteMany page:/sent') await purge.pass();
    });
    const { app, url, logger } = await start({ pages: memcachedStore(held) });
    await store('/sent');
    await answer(`${url}/sent`, { method: 'POST', headers: { connection: 'close' } });
    await purge.reached;
    hooks.after = () => purge.open();
    await app.close();
    expect(await memcached.keys()).not.toContain('page:/sent');
    expect(logger.lines).toEqual([]);
  });
});

describe('close() leaves no connection to memcached behind', () => {
  /** That of this command included. */
  const connections = async () => Number(/curr_connections (\d+)/.exec(await memcached.send('stats'))?.[1]);

  @Module({
    imports: [
      NginxCacheModule.forRootAsync({ useFactory: () => ({ store: memcachedStore({ servers: memcached.address }) }) }),
    ],
    controllers: [WritesController],
  })
  class AppModule {}

  @Module({ imports: [AppModule], providers: [Fails] })
  class FailingModule {}

  const starts: [string, () => Promise<INestApplicationContext>][] = [
    ['a standalone application', () => NestFactory.createApplicationContext(AppModule, { logger: false })],
    ...PLATFORMS.map((platform): (typeof starts)[number] => [
      `an application on ${platform}`,
      async () => (await NestFactory.create(AppModule, adapterFor(platform), { logger: false })).init(),
    ]),
  ];

  it.each(starts)('%s, closed twice', async (_, start) => {
    const before = await connections();
    const [one, other] = [await start(), await start()];
    for (const app of [one, other]) await app.get(PageCacheService).purge('/');
    expect(await connections()).toBe(before + 2);
    await Promise.all([one.close(), one.close()]);
    await other.get(PageCacheService).purge('/');
    await Promise.all([one.close(), other.close()]);
    await expect.poll(connections).toBe(before);
  });

  it('an application that could not start', async () => {
    const before = await connections();
    const app = await NestFactory.create(FailingModule, { logger: false });
    await app.get(PageCacheService).purge('/');
    await expect(app.init()).rejects.toThrow('no database');
    await app.close();
    await expect.poll(connections).toBe(before);
  });
});
