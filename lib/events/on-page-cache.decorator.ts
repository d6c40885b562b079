const ON_PAGE_CACHE = Symbol('nestjs-nginx-cache: on page cache');

/**
 * An event class that `@OnPageCache()` accepts, such as `PageRendered`.
 *
 * @publicApi
 */
export type PageCacheEventClass<E> = abstract new (...args: never[]) => E;

/**
 * Calls the method for every event of a class. It works in any provider or controller that is not request-scoped, in any module.
 *
 * @param event `RequestArrived`, `PageRequested`, `PageResponding`, `PageRendered`, `PageStored`, `PageSkipped`, `PageBypassed`, `PageServed`,
 *   `PagesPurged`, `PublishProgressed` or `PageCacheFailed`
 * @example
 * @OnPageCache(PageRendered)
 * keepPreviewsOut(event: PageRendered) {
 *   if (event.page.body.includes('class="preview"')) event.skip('preview');
 * }
 *
 * @publicApi
 */
export function OnPageCache<E>(event: PageCacheEventClass<E>) {
  // Generic, so that the method may return anything, including a promise.
  return <M extends (event: E) => unknown>(
    _target: object,
    _key: string | symbol,
    descriptor: TypedPropertyDescriptor<M>,
  ): void => {
    const method = descriptor.value as object;
    const events = Reflect.getOwnMetadata(ON_PAGE_CACHE, method) as PageCacheEventClass<unknown>[] | undefined;
    Reflect.defineMetadata(ON_PAGE_CACHE, [...(events ?? []), event], method);
  };
}

/** The events that a method listens to. */
export function eventsOf(method: unknown): PageCacheEventClass<unknown>[] {
  if (typeof method !== 'function') return [];
  return (Reflect.getOwnMetadata(ON_PAGE_CACHE, method) as PageCacheEventClass<unknown>[] | undefined) ?? [];
}
