import type { PageStorage } from '../../stores/page-storage.js';

/** What stands at a key. */
export interface KeptPage {
  /** `undefined` when the store does not say. */
  readonly isStored: boolean | undefined;
  /** Of its content, as it is stored. */
  readonly bytes?: number;
  /** When it ends, as a date (ISO 8601); absent for a page that stays until it is purged, and where the store does not tell. */
  readonly until?: string;
}

export async function storedAt(key: string, storage: PageStorage): Promise<KeptPage> {
  try {
    if (!(await storage.has(key))) return { isStored: false };
  } catch {
    return { isStored: undefined };
  }
  const page = await storage.get(key, {});
  const ends = await endOf(key, storage);
  return {
    isStored: true,
    ...(page && { bytes: page.body.length }),
    ...(ends !== undefined && { until: new Date(ends).toISOString() }),
  };
}

/** @returns Unix time in milliseconds */
async function endOf(key: string, storage: PageStorage): Promise<number | undefined> {
  try {
    for await (const use of storage.uses(Infinity)) if (use.key === key) return use.expires;
  } catch {
    // Not every store can tell.
  }
  return undefined;
}
