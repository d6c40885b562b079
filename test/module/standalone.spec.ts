import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { expect, it } from 'vitest';
import { memcachedStore, NginxCacheModule, PageCacheService } from '../../lib/index.js';
import { MemcachedServer } from '../../lib/testing/index.js';

it('a standalone application purges, and says that it cannot publish', async () => {
  await using memcached = await MemcachedServer.start();

  @Module({ imports: [NginxCacheModule.forRoot({ store: memcachedStore({ servers: memcached.address }) })] })
  class WorkerModule {}

  const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['error'] });
  const pages = app.get(PageCacheService);
  for (const path of ['/', '/blog', '/blog/1']) await memcached.send(`set page:${path} 0 0 1\r\nx`);
  expect(await pages.purge('/')).toMatchObject({ purged: 1, targets: ['/'] });
  expect(await pages.purgeUnder('/blog')).toMatchObject({ purged: 2 });
  expect(await memcached.keys()).toEqual([]);
  await expect(pages.publish('/')).rejects.toThrow(
    new TypeError('Nothing can be published here: this is not an HTTP application.'),
  );
  await app.close();
});
