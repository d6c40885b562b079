import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { PageCacheService } from '../module/page-cache.service.js';

/**
 * A health indicator for `@nestjs/terminus`: it checks whether the store answers, and whether purges are pending. A site works without its
 * store, so an unhealthy cache is `degraded`. Before version 12, terminus does not know `degraded`, and it is `down`.
 *
 * @example
 * @Module({ imports: [TerminusModule], controllers: [HealthController], providers: [PageCacheHealthIndicator] })
 * export class HealthModule {}
 *
 * @Get() @HealthCheck() @NoPageCache()
 * check() {
 *   return this.health.check([() => this.pageCache.isHealthy('page-cache')]);
 * }
 *
 * @see https://docs.nestjs.com/recipes/terminus
 *
 * @publicApi
 */
@Injectable()
export class PageCacheHealthIndicator {
  constructor(
    @Inject(PageCacheService) private readonly pages: PageCacheService,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
  ) {}

  /**
   * Checks the store and the pending purges.
   *
   * @param key the name of the result
   * @returns `up` if every server answers and no purge is pending
   */
  async isHealthy<const Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const { isHealthy, ...details } = await this.pages.health();
    const indicator = this.indicators.check(key);
    if (isHealthy) return indicator.up(details);
    const knowsDegraded = typeof (indicator as { degraded?: unknown }).degraded === 'function';
    return knowsDegraded ? indicator.degraded(details) : indicator.down(details);
  }
}
