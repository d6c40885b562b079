import { isPageKey, type PageAddress, type PageKeys } from '../page/page-key.js';

/** A store, or a part of one. */
interface Listing {
  list(): AsyncIterable<string>;
  listToPurge(): AsyncIterable<string>;
}

/** Every stored page of the site. */
export function storedPages(storage: Listing, keys: PageKeys): AsyncGenerator<PageAddress, void, undefined> {
  return addresses(storage.list(), keys);
}

/** Every page that a purge must take, including those that are being written at the moment. */
export function pagesToPurge(storage: Listing, keys: PageKeys): AsyncGenerator<PageAddress, void, undefined> {
  return addresses(storage.listToPurge(), keys);
}

async function* addresses(listed: AsyncIterable<string>, keys: PageKeys): AsyncGenerator<PageAddress, void, undefined> {
  for await (const key of listed) {
    const address = keys.parse(key);
    if (address) yield address;
  }
}

/** The key of every page that `purgeAll()` must take, including those that were stored with other options. */
export async function* everyKey(storage: Listing, prefix: string): AsyncGenerator<string, void, undefined> {
  for await (const key of storage.listToPurge()) if (isPageKey(key, prefix)) yield key;
}
