import type { PageStorage } from '../../stores/page-storage.js';

/** What stands at a key. */
export interface KeptPage {
  /** `undefined` when the store does not say. */
  readonly isStored: boolean | undefined;
  /** Of its content, as it is stored. */
  readonly bytes?: number | undefined;
  /** When it was stored, as a date (ISO 8601); absent where the store does not tell, as memcached of a page that somebody has read. */
  readonly since?: string;
  /** When it ends, as a date (ISO 8601); absent for a page that stays until it is purged, and where the store does not tell. */
  readonly until?: string;
  /** Whether it stays until it is purged; absent where the store does not tell. */
  readonly isEndless?: boolean;
}

/** It does not count as a reading of the page where the store knows its pages. */
export async function storedAt(key: string, storage: PageStorage): Promise<KeptPage> {
  try {
    const [details] = await storage.details([key]);
    const now = Date.now();
    if (details) {
      const { size, ttl, age } = details;
      return {
        isStored: true,
        bytes: size,
        isEndless: ttl === 0,
        ...(age !== undefined && { since: new Date(now - age).toISOString() }),
        ...(ttl > 0 && { until: new Date(now + ttl).toISOString() }),
      };
    }
    // A store that cannot tell, or one that has no such page.
    const page = await storage.lookUp(key);
    return page ? { isStored: true, bytes: page.body.length } : { isStored: false };
  } catch {
    return { isStored: undefined };
  }
}
