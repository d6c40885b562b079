import { NestFactory } from '@nestjs/core';
import { nginxConf } from 'nestjs-nginx-cache';
import { freePort, MemcachedServer, NginxServer, pageCacheMatchers } from 'nestjs-nginx-cache/testing';
import { AppModule } from '../src/app.module';
import { pageCacheOptions } from '../src/page-cache-options';

expect.extend(pageCacheMatchers);

/** Asks until nginx answers from the cache: the page is stored just after it was sent. */
async function hitOf(url: string): Promise<Response> {
  for (;;) {
    const response = await fetch(url);
    if (response.headers.get('cache-status')?.includes('hit')) return response;
  }
}

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
  expect(await hitOf(nginx.url)).toBePageCacheHit();

  await nginx.stop();
  await app.close();
  await memcached.stop();
});
