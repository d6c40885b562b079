import type { PageStore } from '../../../lib/stores/page-store.js';
import type { PurgeScope } from '../../../lib/stores/journal/purge-scope.js';
import { collect } from '../pages.js';

/**
 * How a page is purged: what is written down, and what is then deleted.
 *
 * @param key of the page
 * @param list what a purge of everything lists
 */
export function purgesOf(
  key: string,
  list: 'keys' | 'keysToPurge',
): Readonly<Record<string, readonly [PurgeScope, (store: PageStore) => Promise<number>]>> {
  return {
    path: [{ kind: 'paths', paths: [{ path: '/a' }] }, (store) => store.deletePages([key])],
    tag: [{ kind: 'tags', tags: ['t'] }, async (store) => store.deletePages(await collect(store.tagged!(['t'])))],
    everything: [{ kind: 'all' }, async (store) => store.deletePages(await collect(store[list]!('page:')))],
  };
}
