import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemcachedServer } from '../../lib/testing/index.js';
import { runChild } from '../support/child-program.js';

const program = (platform: string, store: string, state: string) => `
import 'reflect-metadata';
import { once } from 'node:events';
import { get } from 'node:http';
import { Controller, Get, Header, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memcachedStore, memoryStore, NginxCacheModule, PageCacheService } from './lib/index.js';

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page() { return 'page'; }
}

@Module({ imports: [NginxCacheModule.forRoot({ store: ${store} })], controllers: [PageController] })
class AppModule {}

const app = await NestFactory.create(AppModule, new ${platform}(), { logger: false });
await app.listen(0, '127.0.0.1');
const url = await app.getUrl();
for (let round = 0; round < 3; round += 1) {
  // Without an agent: no connection of the client is left.
  const [response] = await once(get(url + '/page', { agent: false }), 'response');
  await once(response.resume(), 'close');
}
await app.get(PageCacheService).purge('/page').catch((error) => console.log(error.name));
await app.close();
// Node itself needs two turns after close() until its handles are gone.
for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
const left = process.getActiveResourcesInfo().filter((name) => !/^(TTYWrap|PipeWrap)$/.test(name));
console.log('${state} left', left.join());
`;

describe('close() leaves neither timer nor socket', () => {
  let memcached: MemcachedServer;
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
  });
  afterAll(() => memcached?.stop());

  it.each([
    ['ExpressAdapter', 'memory'],
    ['FastifyAdapter', 'memory'],
    ['ExpressAdapter', 'up'],
    ['FastifyAdapter', 'down'],
  ])('%s, %s', async (platform, state) => {
    const address = state === 'down' ? '127.0.0.1:1' : memcached.address;
    const store = state === 'memory' ? 'memoryStore()' : `memcachedStore({ servers: '${address}' })`;
    const { code, output } = await runChild(program(platform, store, state));
    expect(output).toMatch(new RegExp(`^${state} left $`, 'm'));
    expect(output.includes('PurgeIncompleteError')).toBe(state === 'down');
    expect(code).toBe(0);
  });
});
