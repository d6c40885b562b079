import { chunks } from '../async/chunks.js';
import { inTurns } from '../async/in-turns.js';
import { isPageKey, type PageAddress, type PageKeys } from '../page/page-key.js';
import type { PageDetails } from './page-details.js';

/** How many pages are described together. */
const DESCRIBED_TOGETHER = 500;
/** How many keys are looked at before everything else in the process has its turn. */
const IN_ONE_TURN = 1000;

/** A store, or a part of one. */
interface Listing {
  list(): AsyncIterable<string>;
  listToPurge(): AsyncIterable<string>;
}

/** Every stored page of the site. */
export function storedPages(storage: Listing, keys: PageKeys): AsyncGenerator<PageAddress, void, undefined> {
  return addresses(storage.list(), keys);
}

interface Describing extends Listing {
  details(keys: readonly string[]): Promise<(PageDetails | undefined)[]>;
  serverOf(key: string): string | undefined;
}

/**
 * Stored pages with what the store knows about them.
 *
 * @param isMeant the store is not asked about other pages
 */
export async function* describedPages(
  storage: Describing,
  keys: PageKeys,
  isMeant: (page: PageAddress) => boolean,
): AsyncGenerator<PageAddress & Partial<PageDetails> & { readonly server?: string }, void, undefined> {
  for await (const some of chunks(storedPages(storage, keys), DESCRIBED_TOGETHER)) {
    const meant = some.filter(isMeant);
    const details = await storage.details(meant.map(({ key }) => key));
    for (const [index, page] of meant.entries()) {
      const server = storage.serverOf(page.key);
      // Not by spreading: for a hundred thousand pages, that takes as long as asking for them.
      yield Object.assign(page, details[index], server !== undefined && { server });
    }
  }
}

/** Every page that a purge must take, including those that are being written at the moment. */
export function pagesToPurge(storage: Listing, keys: PageKeys): AsyncGenerator<PageAddress, void, undefined> {
  return addresses(storage.listToPurge(), keys);
}

async function* addresses(listed: AsyncIterable<string>, keys: PageKeys): AsyncGenerator<PageAddress, void, undefined> {
  for await (const key of inTurns(listed, IN_ONE_TURN)) {
    const address = keys.parse(key);
    if (address) yield address;
  }
}

/** The key of every page that `purgeAll()` must take, including those that were stored with other options. */
export async function* everyKey(storage: Listing, prefix: string): AsyncGenerator<string, void, undefined> {
  for await (const key of inTurns(storage.listToPurge(), IN_ONE_TURN)) if (isPageKey(key, prefix)) yield key;
}
