import { expect, it } from 'vitest';
import { MemcachedServer } from '../../lib/testing/index.js';
import { ChildProcesses } from '../support/child-processes.js';

const APP = `
import 'reflect-metadata';
import { Controller, Get, Header, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memcachedStore, NginxCacheModule, OnPageCache, PageStored } from './lib/index.js';

const { servers } = JSON.parse(process.argv[2]!);
let ahead = 0;

@Controller()
class PageController {
  @Get('page') @Header('content-type', 'text/html; charset=utf-8') page() { return 'page'; }
}

class Stored {
  @OnPageCache(PageStored) onStored({ cause }: PageStored) { if (cause === 'refresh-ahead') ahead += 1; }
}

@Module({
  imports: [NginxCacheModule.forRoot({ store: memcachedStore({ servers }), ttl: 4000, refreshAhead: true })],
  controllers: [PageController],
  providers: [Stored],
})
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
await app.listen(0, '127.0.0.1');
const address = await app.getUrl();

async function answer(question: string): Promise<unknown> {
  return question === 'address' ? address : question === 'pid' ? process.pid : ahead;
}
`;

it('another process renders pages ahead when the one that does it is killed', async () => {
  const memcached = await MemcachedServer.start();
  const processes = await ChildProcesses.start(APP, 2, { servers: memcached.address });
  try {
    const addresses = await processes.all<string>('address');
    const ahead = async (of: readonly number[]) => {
      // Somebody reads the page all the time.
      await (await fetch(`${addresses[of[0]!]}/page`)).text();
      return Promise.all(of.map((index) => processes.ask<number>(index, 'ahead')));
    };
    const both = async () => Math.max(...(await ahead([0, 1])));
    await expect.poll(both).toBeGreaterThan(1);
    const counts = await ahead([0, 1]);
    const first = counts[0]! > counts[1]! ? 0 : 1;
    const other = 1 - first;
    const before = counts[other]!;
    process.kill(await processes.ask<number>(first, 'pid'), 'SIGKILL');
    await expect.poll(async () => (await ahead([other]))[0]).toBeGreaterThan(before);
  } finally {
    await processes[Symbol.asyncDispose]();
    await memcached.stop();
  }
});
