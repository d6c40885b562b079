import type { INestApplicationContext } from '@nestjs/common';
import { GIVEN_OPTIONS } from '../module/page-store.module.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';

/** The options that were given to `forRoot()`, or that the factory of `forRootAsync()` has returned. */
export function givenOptions(app: INestApplicationContext): NginxCacheOptions {
  return app.get<NginxCacheOptions | undefined>(GIVEN_OPTIONS, { strict: false }) ?? {};
}
