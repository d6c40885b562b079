import type { DataSource } from 'typeorm';

/** What `pg` tells about its pool. */
interface CountedPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly options: { readonly max: number };
}

/**
 * Whether no connection is free until somebody gives one back. That somebody may be waiting for us.
 *
 * @returns `false` when the driver does not tell
 */
export function isCrowded({ driver }: DataSource): boolean {
  const { master } = driver as { master?: Partial<CountedPool> };
  if (master?.totalCount === undefined || master.options === undefined) return false;
  return master.idleCount === 0 && master.totalCount >= master.options.max;
}
