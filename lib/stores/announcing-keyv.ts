import type { Keyv } from 'keyv';
import type { Page } from '../page/page.js';
import type { PageStore, SpreadStore } from './page-store.js';

/** The event of the Keyv of a store when the application begins to close. */
export const CLOSING = 'closing';

/**
 * The Keyv of a store as cache-manager gets it. @nestjs/cache-manager disconnects it in `onModuleDestroy`, before Nest closes the server. But
 * requests that are still under way purge what they change. So this one only announces the end, and gives the leases back.
 */
export function announcingKeyv(store: PageStore | SpreadStore): Keyv<Page> {
  const { keyv } = store;
  const disconnect = async (): Promise<void> => {
    keyv.emit(CLOSING);
    const servers = 'servers' in store ? store.servers : [store];
    await Promise.all(servers.map(async (server) => server.releaseLeases?.()));
  };
  return Object.assign(Object.create(keyv) as Keyv<Page>, { disconnect });
}
