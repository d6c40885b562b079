import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { checkOptions } from '../configuration/check-options.js';
import { editionOf } from '../configuration/edition-of.js';
import { fingerprintOf } from '../configuration/nginx-conf.js';
import type { CheckedOptions } from '../options/checked-options.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { FINGERPRINT, PAGE_CACHE_OPTIONS, PAGE_STORE } from '../options/tokens.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<NginxCacheOptions>({
    moduleName: 'NginxCache',
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createNginxCacheOptions')
    .build();

/**
 * What `forRootAsync()` takes: `useFactory` with `inject`, `useClass` (with a method `createNginxCacheOptions()`) or `useExisting`, and `imports`.
 *
 * @publicApi
 */
export type NginxCacheAsyncOptions = typeof ASYNC_OPTIONS_TYPE;

/** The options and the open store, where cache-manager can be given them. */
@Module({
  providers: [
    {
      provide: PAGE_CACHE_OPTIONS,
      inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }],
      useFactory: (options?: NginxCacheOptions) => checkOptions(options),
    },
    { provide: FINGERPRINT, inject: [PAGE_CACHE_OPTIONS], useFactory: fingerprintOf },
    {
      provide: PAGE_STORE,
      inject: [PAGE_CACHE_OPTIONS, FINGERPRINT],
      useFactory: (options: CheckedOptions, fingerprint: string | undefined) => {
        const { store, storeContext } = options;
        const edition = fingerprint === undefined ? {} : { edition: editionOf(options, fingerprint) };
        const context = { ...storeContext, ...edition };
        return store.openSpread?.(context) ?? store.open(context);
      },
    },
  ],
  exports: [PAGE_CACHE_OPTIONS, FINGERPRINT, PAGE_STORE],
})
export class PageStoreModule extends ConfigurableModuleClass {}
