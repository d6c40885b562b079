import type { Cache } from 'cache-manager';
import type { Page } from '../page/page.js';
import type { PageStore } from './page-store.js';

/** A visitor never waits longer for the cache, in milliseconds. */
const GET_DEADLINE = 45;

/** Pages in their store, by way of cache-manager. */
export class PageStorage {
  /** @param onGetError is told why a page could not be read: reading itself never fails */
  constructor(
    private readonly cache: Cache,
    private readonly store: PageStore,
    onGetError: (error: unknown) => void,
  ) {
    cache.on('get', ({ error }) => {
      if (error !== undefined) onGetError(error);
    });
  }

  /** @returns `undefined` when it is not there, or when the store does not say so in time */
  async get(key: string): Promise<Page | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, GET_DEADLINE, undefined);
    });
    try {
      return (await Promise.race([this.cache.get<Page>(key), deadline])) ?? undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * @param ttl in milliseconds; 0 = until purged. Up to 10 % is taken off, so that pages stored together do not expire
   *   together.
   */
  async set(key: string, page: Page, ttl: number): Promise<void> {
    await this.cache.set(key, page, ttl === 0 ? 0 : Math.max(1, Math.ceil(ttl * (1 - Math.random() / 10))));
  }

  /** @returns how many there were */
  async delete(keys: readonly string[]): Promise<number> {
    return keys.length === 0 ? 0 : this.store.deletePages(keys);
  }

  /** Every stored key that begins with `prefix`. */
  list(prefix: string): AsyncIterable<string> {
    if (!this.store.keys)
      throw new TypeError('This store cannot list its pages; use memoryStore() or memcachedStore({ servers }).');
    return this.store.keys(prefix);
  }

  serverKey(key: string): string {
    return this.store.serverKey?.(key) ?? key;
  }
}
