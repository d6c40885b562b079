import { join } from 'node:path';
import { expect } from 'vitest';
import type { PageStore } from '../../lib/stores/page-store.js';
import { entriesBelow } from './entries-below.js';

/**
 * Closes stores of pages in files once all of them have deleted what was purged. By itself, a store waits for two seconds at most and leaves the
 * rest to other processes; a busy machine may need longer.
 *
 * @param root of the stores; their prefix is `page:`
 */
export async function closeWhenDeleted(root: string, ...stores: PageStore[]): Promise<void> {
  await expect.poll(() => entriesBelow(join(root, 'page:#/tmp'))).toEqual([]);
  await Promise.all(stores.map(({ keyv }) => keyv.disconnect()));
}
