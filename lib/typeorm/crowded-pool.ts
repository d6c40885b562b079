import type { DataSource } from 'typeorm';

/** What `pg` tells of its pool. */
interface CountedPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly options: { readonly max: number };
}

/**
 * Whether there is no connection before somebody gives one back, who may be waiting for us.
 *
 * @returns `false` when the driver does not tell
 */
export function isCrowded({ driver }: DataSource): boolean {
  const { master } = driver as { master?: Partial<CountedPool> };
  if (master?.totalCount === undefined || master.options === undefined) return false;
  return master.idleCount === 0 && master.totalCount >= master.options.max;
}
