import { randomUUID } from 'node:crypto';
import { copyLife, type StaleTimes } from '../../page/stale-times.js';

/** What the name of a version says about it. Two versions never have the same name. */
export interface PageVersion {
  readonly name: string;
  /** Its Last-Modified date: Unix time in seconds. */
  readonly modified: number;
  /** When it ends: Unix time in milliseconds. Without a ttl: when it must be in its place at the latest. */
  readonly expires: number;
  /** In milliseconds; 0 = until purged. */
  readonly ttl: number;
  /** Whether there is a file with its tags. */
  readonly tagged: boolean;
  /** How long a copy of it stays after it has ended. */
  readonly stale?: StaleTimes | undefined;
}

/** How long a version may be in the making before it counts as abandoned, in milliseconds. */
export const ABANDONED = 600_000;

const NAME = /^(\d+)-(\d+)-(\d+)-([0-9a-f]{12})(-tagged)?(?:-stale-(\d+)-(\d+))?$/;

export function newVersion(of: Omit<PageVersion, 'name' | 'expires'>): PageVersion {
  const expires = Date.now() + (of.ttl || ABANDONED);
  return named({ ...of, expires }, randomUUID().slice(-12));
}

/** The copy of a version, described as a version that ends later. */
export function copyOf(version: PageVersion & { readonly stale: StaleTimes }): PageVersion {
  const life = copyLife(version.stale);
  const { modified, expires, ttl, tagged } = version;
  return named({ modified, expires: expires + life, ttl: ttl + life, tagged }, NAME.exec(version.name)?.[4] ?? '');
}

function named(of: Omit<PageVersion, 'name'>, id: string): PageVersion {
  const { modified, expires, ttl, tagged, stale } = of;
  const copy = stale ? `-stale-${stale.whileRevalidate}-${stale.ifError}` : '';
  return { ...of, name: `${modified}-${expires}-${ttl}-${id}${tagged ? '-tagged' : ''}${copy}` };
}

/** @returns `undefined` when it is the name of something else */
export function parseVersion(name: string): PageVersion | undefined {
  const [match, modified, expires, ttl, , tagged, whileRevalidate, ifError] = NAME.exec(name) ?? [];
  if (match === undefined) return undefined;
  return {
    name,
    modified: Number(modified),
    expires: Number(expires),
    ttl: Number(ttl),
    tagged: tagged !== undefined,
    ...(ifError !== undefined && { stale: { whileRevalidate: Number(whileRevalidate), ifError: Number(ifError) } }),
  };
}

/** Whether the time of a version is over, so that only its copy may be left. */
export function isCopyOnly({ stale, expires }: PageVersion): boolean {
  return stale !== undefined && expires <= Date.now();
}

/** When a version was written: Unix time in milliseconds. */
export function writtenAt({ expires, ttl }: PageVersion): number {
  return expires - (ttl || ABANDONED);
}
