import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type DynamicModule,
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheService } from '../module/page-cache.service.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { Activity } from './activity/activity.js';
import { countApplication } from './activity/activity-of-application.js';
import { followLog } from './activity/activity-of-log.js';
import { Dashboard } from './dashboard.js';
import { checkDashboardOptions, type PageCacheDashboardOptions } from './dashboard-options.js';

const OPTIONS = Symbol('nestjs-nginx-cache: dashboard options');

/**
 * The dashboard as a part of the application. Import it beside `NginxCacheModule`. The page that a browser loads contains no data: everything
 * that it shows and does needs the token.
 *
 * @example
 * @Module({ imports: [
 *   NginxCacheModule.forRoot(),
 *   PageCacheDashboardModule.forRoot({ token: process.env.DASHBOARD_TOKEN ?? '' }),
 * ] })
 * export class AppModule {}
 *
 * @publicApi
 */
@Module({})
export class PageCacheDashboardModule implements NestModule, OnModuleDestroy {
  readonly #dashboard: Dashboard;
  readonly #closed = new AbortController();

  constructor(
    @Inject(OPTIONS) private readonly given: PageCacheDashboardOptions,
    @Inject(PAGE_CACHE_OPTIONS) options: CheckedOptions,
    @Inject(PageCacheService) pages: PageCacheService,
    @Inject(PageCacheDispatcher) dispatcher: PageCacheDispatcher,
    @Inject(ModuleRef) modules: ModuleRef,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
  ) {
    const { token, log, site } = given;
    const activity = new Activity(log === undefined ? { kind: 'application' } : { kind: 'log', file: log });
    if (log === undefined) countApplication(activity, dispatcher);
    else void followLog(activity, log, this.#closed.signal);
    this.#dashboard = new Dashboard({
      site: { pages, options, get: (type) => modules.get(type, { strict: false }) },
      token,
      activity,
      canPublish: true,
      origin: site === undefined ? ownOrigin : () => site,
    });
  }

  /**
   * Mounts the dashboard.
   *
   * @param options the secret, and where the dashboard is
   * @returns a module to import beside `NginxCacheModule`
   * @throws {NginxCacheConfigError} names the wrong option, the given value and what is allowed
   * @example
   * PageCacheDashboardModule.forRoot({ token: process.env.DASHBOARD_TOKEN ?? '' });
   */
  static forRoot(options: PageCacheDashboardOptions): DynamicModule {
    return {
      module: PageCacheDashboardModule,
      providers: [{ provide: OPTIONS, useValue: checkDashboardOptions(options) }],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    const { path = '/page-cache' } = this.given;
    const prefix = this.config.getGlobalPrefix().replace(/^\/|\/$/g, '');
    // Nest mounts it at one of the two: the global prefix may exclude the path.
    const places = prefix === '' ? [path] : [`/${prefix}${path}`, path];
    const serve = (request: IncomingMessage & { originalUrl?: string }, response: ServerResponse, next: () => void) => {
      const target = request.originalUrl ?? request.url ?? '';
      const base = places.find((place) => target.startsWith(place) && /^(?:[/?]|$)/.test(target.slice(place.length)));
      if (base === undefined) return next();
      void this.#dashboard.answer(request, response, target.slice(base.length));
    };
    consumer.apply(serve).forRoutes(path, `${path}/{*rest}`);
  }

  onModuleDestroy(): void {
    this.#closed.abort();
  }
}

/** The origin of the application, at the address at which the request has reached it. */
function ownOrigin({ socket }: IncomingMessage): string | undefined {
  const { localAddress, localPort } = socket;
  if (localAddress === undefined || localPort === undefined) return undefined;
  const address = localAddress.replace(/^::ffff:/, '');
  return `${'encrypted' in socket ? 'https' : 'http'}://${address.includes(':') ? `[${address}]` : address}:${localPort}`;
}
