import { inTime } from '../async/in-time.js';
import type { PendingPurges } from '../purging/pending-purges.js';
import type { PageStorage } from '../stores/page-storage.js';
import type { StoragePart } from '../stores/storage-part.js';

/** A store that does not answer within this time is not reachable. In milliseconds. */
const PATIENCE = 1000;

/**
 * The health of one server of the store, or of the store itself if it has no servers.
 *
 * @publicApi
 */
export interface StoreHealth {
  /** The address of the server; `undefined` if the store has no servers. */
  readonly server: string | undefined;
  /** Whether it answers. */
  readonly isReachable: boolean;
  /** Why it does not answer. */
  readonly error?: string;
}

/**
 * The result of `PageCacheService.health()`.
 *
 * @publicApi
 */
export interface PageCacheHealth {
  /** Whether every server answers, and no purge is pending. */
  readonly isHealthy: boolean;
  /** One entry for each server. */
  readonly store: readonly StoreHealth[];
  /** Purges that a server has not acknowledged. */
  readonly pendingPurges: number;
  /** Why this process stores no pages: `other-version`, `other-configuration` or `other-servers`. */
  readonly storesNothing?: string;
}

export async function healthOf(storage: PageStorage, pending: PendingPurges): Promise<PageCacheHealth> {
  const store = await Promise.all(storage.parts.map(healthOfPart));
  const refusal = storage.parts.map(({ journal }) => journal.editions.refusal).find((one) => one !== undefined);
  return {
    isHealthy: store.every(({ isReachable }) => isReachable) && pending.size === 0,
    store,
    pendingPurges: pending.size,
    ...(refusal === undefined ? {} : { storesNothing: refusal }),
  };
}

/** Whether a server answers. */
export async function healthOfPart({ server, journal }: StoragePart): Promise<StoreHealth> {
  try {
    const answered = await inTime(
      journal.catchUp().then(() => true),
      PATIENCE,
    );
    if (answered) return { server, isReachable: true };
    return { server, isReachable: false, error: `no answer within ${PATIENCE} ms` };
  } catch (error) {
    return { server, isReachable: false, error: error instanceof Error ? error.message : String(error) };
  }
}
