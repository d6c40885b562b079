import { join } from 'node:path';
import type { DynamicModule, INestApplication, LoggerService, Provider, Type } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import fastifyView from '@fastify/view';
import handlebars from 'handlebars';
import { NginxCacheModule, type NginxCacheOptions } from '../../lib/index.js';
import { letVisitorsWait } from './patience.js';

export type Platform = 'express' | 'fastify';
export const PLATFORMS: readonly Platform[] = ['express', 'fastify'];

const views = join(import.meta.dirname, 'views');

export interface ApplicationSetup {
  platform: Platform;
  options?: NginxCacheOptions & { registerInterceptor?: boolean };
  /** Besides the page cache. */
  imports?: (Type | DynamicModule)[];
  controllers?: Type[];
  providers?: Provider[];
  /** Before the application listens: middleware, plugins. */
  prepare?: (app: INestApplication) => void | Promise<void>;
  build?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  /** Options of Fastify itself. */
  fastify?: ConstructorParameters<typeof FastifyAdapter>[0];
  /** Whether visitors wait for a store that is late. */
  isPatient?: boolean;
  /** Default: errors only. */
  logger?: LoggerService | false;
}

/** A real application that listens on a free port. */
export async function startApplication(
  setup: ApplicationSetup,
): Promise<{ app: INestApplication; address: string; url: string }> {
  const {
    platform,
    options,
    imports = [],
    controllers = [],
    providers = [],
    prepare,
    build = (builder) => builder,
  } = setup;
  const logger = setup.logger ?? ['error' as const];

  const builder = Test.createTestingModule({
    imports: [NginxCacheModule.forRoot(options), ...imports],
    controllers,
    providers,
  });
  const module = await build(builder).compile();
  const app =
    platform === 'express'
      ? module.createNestApplication<NestExpressApplication>(new ExpressAdapter(), { logger })
      : module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(setup.fastify as never), { logger });
  await useViews(app, platform);
  await prepare?.(app);
  await app.listen(0, '127.0.0.1');
  if (setup.isPatient) letVisitorsWait(app);
  const address = new URL(await app.getUrl()).host;
  return { app, address, url: `http://${address}` };
}

export function adapterFor(platform: Platform): AbstractHttpAdapter {
  return platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
}

async function useViews(app: INestApplication, platform: Platform): Promise<void> {
  if (platform === 'express') {
    (app as NestExpressApplication).setBaseViewsDir(views).setViewEngine('hbs');
  } else {
    await (app as NestFastifyApplication).register(fastifyView, {
      engine: { handlebars },
      root: views,
      viewExt: 'hbs',
    });
  }
}
