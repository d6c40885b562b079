import type { PageAddress, Page } from '../../lib/index.js';
import type { StaleTimes } from '../../lib/page/stale-times.js';
import type { PageStore } from '../../lib/stores/page-store.js';
import type { CommitResult, PageWrite } from '../../lib/stores/page-write.js';

/** The address of a page, of a site without hosts and variants. */
export function addressOf(key: string): PageAddress {
  const target = key.slice(key.indexOf('/'));
  return { key, path: target.replace(/\?.*/s, ''), target, host: undefined, variants: {} };
}

/** Begins a rendering, as a request that comes in now does. */
export function beginPage(store: PageStore, key: string, renews = false): Promise<PageWrite> {
  const arrival = { position: store.journal.window.position, time: Date.now() };
  return store.begin(addressOf(key), { arrival, renews });
}

/** Stores a page as the application does. */
export async function putPage(
  store: PageStore,
  key: string,
  page: Page,
  ttl = 0,
  stale?: StaleTimes,
): Promise<CommitResult> {
  // The first look at a journal proves nothing about requests before it.
  await store.journal.look();
  const write = await beginPage(store, key);
  return write.commit(page, ttl, stale);
}
