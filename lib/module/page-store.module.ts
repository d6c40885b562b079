import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { checkOptions } from '../configuration/check-options.js';
import { editionOf } from '../configuration/edition-of.js';
import { fingerprintOf } from '../configuration/nginx-conf.js';
import type { CheckedOptions } from '../options/checked-options.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { Fingerprint } from '../options/fingerprint.js';
import { CHANGING_STORE, OPEN_SERVER, PAGE_CACHE_OPTIONS, PAGE_STORE } from '../options/tokens.js';
import type { OtherServers, ServerSource } from '../purging/server-changes.js';
import { ChangingStore } from '../stores/changing-store.js';
import type { PageStore, PageStoreDefinition, StoreContext } from '../stores/page-store.js';
import { serverList } from '../stores/server-list.js';

const STORE_CONTEXT = Symbol('nestjs-nginx-cache: what a store is told');

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<NginxCacheOptions>({
    moduleName: 'NginxCache',
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createNginxCacheOptions')
    .build();

/** The options as they were given; nothing is bound to this token when there are none. */
export const GIVEN_OPTIONS = MODULE_OPTIONS_TOKEN;

/**
 * Options of `forRootAsync()`: `useFactory` with `inject`, `useClass` (with a method `createNginxCacheOptions()`) or `useExisting`, and
 * `imports`.
 *
 * @example
 * { inject: [ConfigService], useFactory: (config: ConfigService) => config.getOrThrow('pageCache') }
 *
 * @publicApi
 */
export type NginxCacheAsyncOptions = typeof ASYNC_OPTIONS_TYPE;

/** Provides the options and the open store, also to cache-manager. */
@Module({
  providers: [
    {
      provide: PAGE_CACHE_OPTIONS,
      inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }],
      useFactory: async (options?: NginxCacheOptions) => withServers(checkOptions(options)),
    },
    {
      provide: Fingerprint,
      inject: [PAGE_CACHE_OPTIONS],
      useFactory: (options: CheckedOptions) => new Fingerprint(fingerprintOf(options)),
    },
    { provide: STORE_CONTEXT, inject: [PAGE_CACHE_OPTIONS], useFactory: contextOf },
    {
      provide: PAGE_STORE,
      inject: [PAGE_CACHE_OPTIONS, STORE_CONTEXT],
      useFactory: ({ store, prefix }: CheckedOptions, context: StoreContext) => {
        const spread = store.openSpread?.(context);
        return spread && store.changing ? new ChangingStore(spread, prefix) : (spread ?? store.open(context));
      },
    },
    {
      provide: OPEN_SERVER,
      inject: [PAGE_CACHE_OPTIONS, STORE_CONTEXT],
      useFactory: ({ store }: CheckedOptions, context: StoreContext) => serverOpener(store, context),
    },
    {
      provide: CHANGING_STORE,
      inject: [PAGE_CACHE_OPTIONS, PAGE_STORE, Fingerprint],
      useFactory: (options: CheckedOptions, store: PageStore | ChangingStore, fingerprint: Fingerprint) =>
        store instanceof ChangingStore ? sourceOf(options, store, fingerprint) : undefined,
    },
  ],
  exports: [PAGE_CACHE_OPTIONS, Fingerprint, PAGE_STORE, OPEN_SERVER, CHANGING_STORE],
})
export class PageStoreModule extends ConfigurableModuleClass {}

function contextOf(options: CheckedOptions): StoreContext {
  const { store, storeContext } = options;
  const anywhere = fingerprintOf({ ...options, store: { ...store, servers: [] } });
  return { ...storeContext, ...(anywhere !== undefined && { edition: editionOf(options, anywhere) }) };
}

function serverOpener(store: PageStoreDefinition, context: StoreContext): ((address: string) => PageStore) | undefined {
  return store.openServer && ((address) => store.openServer!(address, context));
}

/** The options with the current list of servers, in place of the function that gives the list. */
async function withServers(options: CheckedOptions): Promise<CheckedOptions> {
  const { changing } = options.store;
  if (!changing) return options;
  return { ...options, store: { ...(await changing.read()), changing } };
}

function sourceOf(options: CheckedOptions, store: ChangingStore, fingerprint: Fingerprint): ServerSource {
  let list = serverList(options.store.servers ?? []);
  const { interval } = options.store.changing!;
  const read = async (): Promise<OtherServers | undefined> => {
    const next = await withServers(options);
    const given = serverList(next.store.servers ?? []);
    if (given === list) return undefined;
    const context = contextOf(next);
    const opened = next.store.openSpread!(context);
    const use = () => {
      list = given;
      store.replace(opened);
      fingerprint.current = fingerprintOf(next);
    };
    return { store: opened, openServer: serverOpener(next.store, context), use };
  };
  return { interval, read };
}
