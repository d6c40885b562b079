import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { PageCacheService } from '../module/page-cache.service.js';

/**
 * A health indicator for `@nestjs/terminus`: whether the store answers, and whether purges are pending. A site without its store works, so
 * an unhealthy cache is `degraded`; where terminus does not know that (before version 12), it is `down`.
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
 * @publicApi
 */
@Injectable()
export class PageCacheHealthIndicator {
  constructor(
    @Inject(PageCacheService) private readonly pages: PageCacheService,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
  ) {}

  /** @param key what the result is called */
  async isHealthy<const Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const { isHealthy, ...details } = await this.pages.health();
    const indicator = this.indicators.check(key);
    if (isHealthy) return indicator.up(details);
    const knowsDegraded = typeof (indicator as { degraded?: unknown }).degraded === 'function';
    return knowsDegraded ? indicator.degraded(details) : indicator.down(details);
  }
}
