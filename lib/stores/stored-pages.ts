import type { PageAddress, PageKeys } from '../page/page-key.js';
import type { PageStorage } from './page-storage.js';

/** Every stored page of the site. */
export async function* storedPages(storage: PageStorage, keys: PageKeys): AsyncGenerator<PageAddress, void, undefined> {
  for await (const key of storage.list(keys.prefix)) {
    const address = keys.parse(key);
    if (address) yield address;
  }
}
