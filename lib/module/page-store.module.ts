import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { checkOptions } from '../configuration/check-options.js';
import type { CheckedOptions } from '../options/checked-options.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { PAGE_CACHE_OPTIONS, PAGE_STORE } from '../options/tokens.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<NginxCacheOptions>({
    moduleName: 'NginxCache',
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createNginxCacheOptions')
    .build();

export type NginxCacheAsyncOptions = typeof ASYNC_OPTIONS_TYPE;

/** The options and the open store, where cache-manager can be given them. */
@Module({
  providers: [
    {
      provide: PAGE_CACHE_OPTIONS,
      inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }],
      useFactory: (options?: NginxCacheOptions) => checkOptions(options),
    },
    {
      provide: PAGE_STORE,
      inject: [PAGE_CACHE_OPTIONS],
      useFactory: ({ store, storeContext }: CheckedOptions) => store.open(storeContext),
    },
  ],
  exports: [PAGE_CACHE_OPTIONS, PAGE_STORE],
})
export class PageStoreModule extends ConfigurableModuleClass {}
