import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { expect, it } from 'vitest';
import { memcachedStore, NoPageCache, PageCacheService, PurgeIncompleteError } from '../../lib/index.js';
import { PageCacheHealthIndicator } from '../../lib/terminus/index.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(PageCacheHealthIndicator) private readonly pageCache: PageCacheHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  @NoPageCache()
  check() {
    return this.health.check([() => this.pageCache.isHealthy('page-cache')]);
  }
}

it('is up, and degraded while the store is away or a purge is pending', async () => {
  await using memcached = await MemcachedServer.start();
  const { app, url } = await startApplication({
    platform: 'express',
    options: { store: memcachedStore({ servers: memcached.address }), hosts: 'any' },
    imports: [TerminusModule],
    controllers: [HealthController],
    providers: [PageCacheHealthIndicator],
    logger: false,
  });
  const check = async () => {
    const response = await fetch(`${url}/health`);
    const body = (await response.json()) as { status: string; details: Record<string, unknown> };
    return { code: response.status, status: body.status, cache: body.details['page-cache'] };
  };
  try {
    const { address } = memcached;
    const up = { status: 'up', store: [{ server: address, isReachable: true }], pendingPurges: 0 };
    await expect.poll(check).toMatchObject({ code: 200, status: 'ok', cache: up });
    await memcached.kill();
    const pages = app.get(PageCacheService);
    await expect(pages.purge('/')).rejects.toThrow(PurgeIncompleteError);
    const error = expect.stringContaining(address) as string;
    const gone = { status: 'degraded', store: [{ server: address, isReachable: false, error }], pendingPurges: 1 };
    expect(await check()).toMatchObject({ code: 200, status: 'degraded', cache: gone });
    await memcached.restart();
    await expect.poll(check).toMatchObject({ status: 'ok', cache: up });
    expect(await pages.health()).toMatchObject({ isHealthy: true, pendingPurges: 0 });
  } finally {
    await app.close();
  }
});
