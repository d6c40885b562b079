import { NestFactory } from '@nestjs/core';
import { nginxConf } from 'nestjs-nginx-cache';
import { freePort, MemcachedServer, NginxServer, pageCacheMatchers } from 'nestjs-nginx-cache/testing';
import { AppModule } from '../src/app.module.js';
import { pageCacheOptions } from '../src/page-cache-options.js';

expect.extend(pageCacheMatchers);

it('nginx serves the page once it has been rendered', async () => {
  const memcached = await MemcachedServer.start();
  process.env.MEMCACHED = memcached.address;
  const app = await NestFactory.create(AppModule, { logger: false });
  const port = await freePort();
  await app.listen(port, '127.0.0.1');
  const nginx = await NginxServer.start((place) =>
    nginxConf(pageCacheOptions(), { app: `127.0.0.1:${port}`, listen: place.port, directory: place.directory }),
  );

  expect(await fetch(nginx.url)).toBePageCacheMiss();
  // The page is stored just after it was sent.
  await expect.poll(() => fetch(nginx.url)).toBePageCacheHit();

  await nginx.stop();
  await app.close();
  await memcached.stop();
});
