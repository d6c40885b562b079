import { NestFactory } from '@nestjs/core';
import type { NestApplicationOptions } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { sessions } from './auth/session.js';
import { pageLocals } from './web/page-locals.js';
import { useViews } from './web/views.js';

/** The blog, ready to listen. */
export async function createBlog(options: NestApplicationOptions = {}): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule, options);
  // nginx is in front, on the same machine: believe its X-Forwarded-* and nobody else's.
  app.set('trust proxy', 'loopback');
  app.set('query parser', 'simple');
  app.disable('x-powered-by');
  useViews(app);
  app.use(sessions(), pageLocals);
  app.enableShutdownHooks();
  return app;
}
