import type { Type } from '@nestjs/common';
import type { PageCacheService } from '../module/page-cache.service.js';
import type { CheckedOptions } from '../options/checked-options.js';

/** The page cache of a site, as the application has it. */
export interface Site {
  readonly pages: PageCacheService;
  readonly options: CheckedOptions;
  get<T>(token: Type<T>): T;
}
