import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { checkOptions } from '../configuration/check-options.js';
import { editionOf } from '../configuration/edition-of.js';
import { fingerprintOf } from '../configuration/nginx-conf.js';
import type { CheckedOptions } from '../options/checked-options.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { FINGERPRINT, OPEN_SERVER, PAGE_CACHE_OPTIONS, PAGE_STORE } from '../options/tokens.js';
import type { StoreContext } from '../stores/page-store.js';

const STORE_CONTEXT = Symbol('nestjs-nginx-cache: what a store is told');

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<NginxCacheOptions>({
    moduleName: 'NginxCache',
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createNginxCacheOptions')
    .build();

/** The options as they were given; nothing is bound to it when there are none. */
export const GIVEN_OPTIONS = MODULE_OPTIONS_TOKEN;

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
      provide: STORE_CONTEXT,
      inject: [PAGE_CACHE_OPTIONS],
      useFactory: (options: CheckedOptions): StoreContext => {
        const { store, storeContext } = options;
        const anywhere = fingerprintOf({ ...options, store: { ...store, servers: [] } });
        return { ...storeContext, ...(anywhere !== undefined && { edition: editionOf(options, anywhere) }) };
      },
    },
    {
      provide: PAGE_STORE,
      inject: [PAGE_CACHE_OPTIONS, STORE_CONTEXT],
      useFactory: ({ store }: CheckedOptions, context: StoreContext) =>
        store.openSpread?.(context) ?? store.open(context),
    },
    {
      provide: OPEN_SERVER,
      inject: [PAGE_CACHE_OPTIONS, STORE_CONTEXT],
      useFactory: ({ store }: CheckedOptions, context: StoreContext) =>
        store.openServer && ((address: string) => store.openServer!(address, context)),
    },
  ],
  exports: [PAGE_CACHE_OPTIONS, FINGERPRINT, PAGE_STORE, OPEN_SERVER],
})
export class PageStoreModule extends ConfigurableModuleClass {}
