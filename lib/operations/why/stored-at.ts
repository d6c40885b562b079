import type { PageStorage } from '../../stores/page-storage.js';

/** What is stored at a key. */
export interface KeptPage {
  /** `undefined` if the store does not tell. */
  readonly isStored: boolean | undefined;
  /** The size of its content, as stored. */
  readonly bytes?: number | undefined;
  /** When it was stored, as a date (ISO 8601); absent if the store does not tell, like memcached for a page that somebody has read. */
  readonly since?: string;
  /** When it ends, as a date (ISO 8601); absent for a page that stays until it is purged, and if the store does not tell. */
  readonly until?: string;
  /** Whether it stays until it is purged; absent if the store does not tell. */
  readonly isEndless?: boolean;
}

/** Looks at a key. If the store can describe its pages, this does not count as a reading of the page. */
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
    // The store cannot tell, or it has no such page.
    const page = await storage.lookUp(key);
    return page ? { isStored: true, bytes: page.body.length } : { isStored: false };
  } catch {
    return { isStored: undefined };
  }
}
