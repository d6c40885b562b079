import type { Keyv } from 'keyv';
import type { Page } from '../page/page.js';
import type { SpreadStore } from './page-store.js';
import { rawKeyv } from './raw-keyv.js';

/**
 * The Keyv of pages that are spread over several servers.
 *
 * @param current returns the current servers
 * @param prefix the prefix of all keys of the site
 */
export function spreadKeyv(current: () => Pick<SpreadStore, 'servers' | 'serverOf'>, prefix: string): Keyv<Page> {
  async function* keys() {
    for (const store of current().servers) yield* (store.keysToPurge ?? store.keys!)(prefix);
  }

  return rawKeyv({
    get: async (key) => {
      const { servers, serverOf } = current();
      const value = await servers[serverOf(key)]!.keyv.get(key);
      return value && { value };
    },
    deleteMany: async (all) => {
      const { servers, serverOf } = current();
      const deleted = await Promise.all(
        servers.map((store, place) => store.deletePages(all.filter((key) => serverOf(key) === place))),
      );
      return deleted.reduce((sum, count) => sum + count, 0);
    },
    keys,
    disconnect: async () => void (await Promise.all(current().servers.map(({ keyv }) => keyv.disconnect()))),
  });
}
